"""Constructor arguments that no loss takes, and those out of range for one."""

import inspect

import pytest

from keras_metric import losses
from tests.keras_metric.losses.cases import public_losses

NUMBERS = [
    (cls, name)
    for cls in public_losses()
    for name, parameter in inspect.signature(cls.__init__).parameters.items()
    if type(parameter.default) in (int, float)
]


@pytest.mark.parametrize(
    ("cls", "name"), NUMBERS, ids=[f"{cls.__name__}-{name}" for cls, name in NUMBERS]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "some", True, [1.0, 2.0]], ids=str)
def test_what_is_no_finite_number_is_refused(cls, name, value):
    with pytest.raises((TypeError, ValueError), match=rf"{name} must be .*Received: {name}="):
        cls(**{name: value})


OUT_OF_RANGE = {
    losses.MultiSimilarityLoss: {"alpha": 0, "beta": -1},
    losses.CircleLoss: {"m": 0, "gamma": 0},
    losses.NCALoss: {"softmax_scale": 0},
    losses.SoftNearestNeighborLoss: {"temperature": -0.1},
    losses.LiftedStructLoss: {"margin": 0},
    losses.NormalizedSoftmaxLoss: {"temperature": 0},
    losses.ArcFaceLoss: {"margin": 0, "scale": -1},
    losses.SubCenterArcFaceLoss: {"margin": 180, "scale": 0},
    losses.CosFaceLoss: {"margin": -0.1, "scale": 0},
    losses.ProxyNCALoss: {"softmax_scale": 0},
    losses.ProxyAnchorLoss: {"margin": -0.1, "alpha": 0},
    losses.SoftTripleLoss: {"scale": 0, "gamma": 0, "margin": -0.1},
    losses.LargeMarginSoftmaxLoss: {"margin": 0, "scale": 0},
    losses.SphereFaceLoss: {"margin": -1, "scale": -2},
}
BAD = [(cls, name, value) for cls, pairs in OUT_OF_RANGE.items() for name, value in pairs.items()]


@pytest.mark.parametrize(
    ("cls", "name", "value"), BAD, ids=[f"{cls.__name__}-{name}" for cls, name, _ in BAD]
)
def test_numbers_out_of_range_are_refused(cls, name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*Received: {name}={value}"):
        cls(**{name: value})


@pytest.mark.parametrize("cls", [losses.LargeMarginSoftmaxLoss, losses.SphereFaceLoss])
def test_a_margin_that_multiplies_the_angle_is_an_integer(cls):
    with pytest.raises(TypeError, match=r"margin must be an integer. Received: margin=2\.5"):
        cls(margin=2.5)
