"""Ready networks."""

from keras_metric.models._embedding_network import embedding_network as embedding_network
from keras_metric.models._small_cnn import small_cnn as small_cnn
