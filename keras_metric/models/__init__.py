"""Ready networks."""

from keras_metric.models._embedding_network import embedding_network as embedding_network
from keras_metric.models._siamese_network import SiameseNetwork as SiameseNetwork
from keras_metric.models._small_cnn import small_cnn as small_cnn
from keras_metric.models._triplet_network import TripletNetwork as TripletNetwork
