"""Losses for metric learning: give one to `model.compile(loss=...)`."""

from keras_metric.losses._angular import AngularLoss as AngularLoss
from keras_metric.losses._arc_face import ArcFaceLoss as ArcFaceLoss
from keras_metric.losses._barlow_twins import BarlowTwinsLoss as BarlowTwinsLoss
from keras_metric.losses._circle import CircleLoss as CircleLoss
from keras_metric.losses._class_proxy import ClassProxyLoss as ClassProxyLoss
from keras_metric.losses._contrastive import ContrastiveLoss as ContrastiveLoss
from keras_metric.losses._contrastive_pairs import ContrastivePairsLoss as ContrastivePairsLoss
from keras_metric.losses._cos_face import CosFaceLoss as CosFaceLoss
from keras_metric.losses._decoupled_contrastive import (
    DecoupledContrastiveLoss as DecoupledContrastiveLoss,
)
from keras_metric.losses._dynamic_soft_margin import DynamicSoftMarginLoss as DynamicSoftMarginLoss
from keras_metric.losses._fast_ap import FastAPLoss as FastAPLoss
from keras_metric.losses._functional import contrastive_loss as contrastive_loss
from keras_metric.losses._functional import lifted_struct_loss as lifted_struct_loss
from keras_metric.losses._functional import npairs_loss as npairs_loss
from keras_metric.losses._functional import npairs_multilabel_loss as npairs_multilabel_loss
from keras_metric.losses._functional import triplet_hard_loss as triplet_hard_loss
from keras_metric.losses._functional import triplet_semihard_loss as triplet_semihard_loss
from keras_metric.losses._generalized_lifted_struct import (
    GeneralizedLiftedStructLoss as GeneralizedLiftedStructLoss,
)
from keras_metric.losses._histogram import HistogramLoss as HistogramLoss
from keras_metric.losses._info_nce import InfoNCELoss as InfoNCELoss
from keras_metric.losses._intra_pair_variance import IntraPairVarianceLoss as IntraPairVarianceLoss
from keras_metric.losses._labelled_batch import LabelledBatch as LabelledBatch
from keras_metric.losses._labelled_batch import LabelledBatchLoss as LabelledBatchLoss
from keras_metric.losses._large_margin_softmax import (
    LargeMarginSoftmaxLoss as LargeMarginSoftmaxLoss,
)
from keras_metric.losses._large_margin_softmax import SphereFaceLoss as SphereFaceLoss
from keras_metric.losses._lifted_struct import LiftedStructLoss as LiftedStructLoss
from keras_metric.losses._loss import MetricLoss as MetricLoss
from keras_metric.losses._margin import MarginLoss as MarginLoss
from keras_metric.losses._multi_similarity import MultiSimilarityLoss as MultiSimilarityLoss
from keras_metric.losses._nca import NCALoss as NCALoss
from keras_metric.losses._normalized_softmax import NormalizedSoftmaxLoss as NormalizedSoftmaxLoss
from keras_metric.losses._npairs import NpairsLoss as NpairsLoss
from keras_metric.losses._npairs_multilabel import NpairsMultilabelLoss as NpairsMultilabelLoss
from keras_metric.losses._ntxent import NTXentLoss as NTXentLoss
from keras_metric.losses._pn import PNLoss as PNLoss
from keras_metric.losses._pnp import PNPLoss as PNPLoss
from keras_metric.losses._proxy_anchor import ProxyAnchorLoss as ProxyAnchorLoss
from keras_metric.losses._proxy_nca import ProxyNCALoss as ProxyNCALoss
from keras_metric.losses._ranked_list import RankedListLoss as RankedListLoss
from keras_metric.losses._sim_siam import SimSiamLoss as SimSiamLoss
from keras_metric.losses._smooth_ap import SmoothAPLoss as SmoothAPLoss
from keras_metric.losses._soft_nearest_neighbor import (
    SoftNearestNeighborLoss as SoftNearestNeighborLoss,
)
from keras_metric.losses._soft_triple import SoftTripleLoss as SoftTripleLoss
from keras_metric.losses._sub_center_arc_face import SubCenterArcFaceLoss as SubCenterArcFaceLoss
from keras_metric.losses._sub_center_arc_face import likely_mislabelled as likely_mislabelled
from keras_metric.losses._sup_con import SupConLoss as SupConLoss
from keras_metric.losses._sup_con_multilabel import SupConMultilabelLoss as SupConMultilabelLoss
from keras_metric.losses._threshold_consistent_margin import (
    ThresholdConsistentMarginLoss as ThresholdConsistentMarginLoss,
)
from keras_metric.losses._triplet import TripletLoss as TripletLoss
from keras_metric.losses._triplet_hard import TripletHardLoss as TripletHardLoss
from keras_metric.losses._triplet_margin import TripletMarginLoss as TripletMarginLoss
from keras_metric.losses._triplet_semi_hard import TripletSemiHardLoss as TripletSemiHardLoss
from keras_metric.losses._tuplet_margin import TupletMarginLoss as TupletMarginLoss
from keras_metric.losses._vicreg import VICRegLoss as VICRegLoss
