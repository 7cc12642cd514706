"""Miners choose the pairs or triplets of a batch that a loss should learn from."""

from keras_metric.miners._angular import AngularMiner as AngularMiner
from keras_metric.miners._batch_easy_hard import BatchEasyHardMiner as BatchEasyHardMiner
from keras_metric.miners._batch_hard import BatchHardMiner as BatchHardMiner
from keras_metric.miners._distance_weighted import DistanceWeightedMiner as DistanceWeightedMiner
from keras_metric.miners._miner import Miner as Miner
from keras_metric.miners._miner import PairMiner as PairMiner
from keras_metric.miners._miner import TripletMiner as TripletMiner
from keras_metric.miners._multi_similarity import MultiSimilarityMiner as MultiSimilarityMiner
from keras_metric.miners._pair_margin import PairMarginMiner as PairMarginMiner
from keras_metric.miners._registry import get as get
from keras_metric.miners._registry import names as names
from keras_metric.miners._registry import serialize as serialize
from keras_metric.miners._triplet_margin import TripletMarginMiner as TripletMarginMiner
from keras_metric.miners._triplets import AllTriplets as AllTriplets
from keras_metric.miners._triplets import IndexTriplets as IndexTriplets
from keras_metric.miners._triplets import IntervalTriplets as IntervalTriplets
from keras_metric.miners._triplets import Triplets as Triplets
