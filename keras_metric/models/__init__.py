"""Backbones, embedding networks on top of them, siamese and triplet networks around these."""

from keras_metric.models._backbone import backbone as backbone
from keras_metric.models._embedding_network import embedding_network as embedding_network
from keras_metric.models._freezing import freeze as freeze
from keras_metric.models._freezing import unfreeze as unfreeze
from keras_metric.models._siamese_network import SiameseNetwork as SiameseNetwork
from keras_metric.models._small_cnn import small_cnn as small_cnn
from keras_metric.models._small_resnet import small_resnet as small_resnet
from keras_metric.models._small_vit import small_vit as small_vit
from keras_metric.models._triplet_network import TripletNetwork as TripletNetwork
