"""Distances of embeddings, by object or by name: smaller means closer."""

from keras_metric.distances._callable import CallableDistance as CallableDistance
from keras_metric.distances._cosine import ArcDistance as ArcDistance
from keras_metric.distances._cosine import CosineDistance as CosineDistance
from keras_metric.distances._distance import Distance as Distance
from keras_metric.distances._dot_product import DotProductDistance as DotProductDistance
from keras_metric.distances._euclidean import EuclideanDistance as EuclideanDistance
from keras_metric.distances._euclidean import SquaredEuclideanDistance as SquaredEuclideanDistance
from keras_metric.distances._manhattan import ManhattanDistance as ManhattanDistance
from keras_metric.distances._registry import get as get
from keras_metric.distances._registry import names as names
from keras_metric.distances._registry import serialize as serialize
from keras_metric.distances._snr import SignalToNoiseDistance as SignalToNoiseDistance
