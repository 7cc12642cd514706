"""What a network must be, to be built upon."""

import keras


def check_known_input(argument: str, model: keras.Model) -> None:
    """Refuse a network whose input and output shapes are not known yet."""
    if getattr(model, "inputs", None) and getattr(model, "outputs", None):
        return
    raise ValueError(
        f"`{argument}` must have a known input shape: begin it with keras.Input, or wrap it, "
        "keras.Model(x, network(x)) with x = keras.Input(shape). "
        f"Received: {argument}={model.name!r}, of type {type(model).__name__}, without one"
    )
