"""Deep metric learning for Keras 3."""

from keras_metric import callbacks as callbacks
from keras_metric import distances as distances
from keras_metric import layers as layers
from keras_metric import losses as losses
from keras_metric import metrics as metrics
from keras_metric import miners as miners
from keras_metric import models as models
from keras_metric import regularizers as regularizers
from keras_metric import retrieval as retrieval
from keras_metric import visualization as visualization
from keras_metric._version import __version__ as __version__
