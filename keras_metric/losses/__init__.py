"""Losses for metric learning: give one to `model.compile(loss=...)`."""

from keras_metric.losses._contrastive import ContrastiveLoss as ContrastiveLoss
from keras_metric.losses._labelled_batch import LabelledBatch as LabelledBatch
from keras_metric.losses._labelled_batch import LabelledBatchLoss as LabelledBatchLoss
from keras_metric.losses._loss import MetricLoss as MetricLoss
from keras_metric.losses._triplet_hard import TripletHardLoss as TripletHardLoss
from keras_metric.losses._triplet_margin import TripletMarginLoss as TripletMarginLoss
from keras_metric.losses._triplet_semi_hard import TripletSemiHardLoss as TripletSemiHardLoss
