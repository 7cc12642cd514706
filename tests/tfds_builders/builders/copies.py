"""Small copies of image datasets, laid out as users have them."""

import numpy as np
from PIL import Image


def write_image(path, seed, size=(4, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def by_class(folder, splits=("train", "test"), classes=4, each=4, size=(4, 5)):
    """`<split>/<class>/<number>.png`, or `<class>/<number>.png` for the split ""."""
    seed = 0
    for split in splits:
        for number in range(classes):
            for image in range(each):
                seed += 1
                write_image(folder / split / f"{number:03}" / f"{image}.png", seed, size)
    return folder


def birds(folder, classes=200):
    """The archive of CUB: of each class one image is for training and one for testing."""
    lines = {"images.txt": [], "image_class_labels.txt": [], "train_test_split.txt": []}
    for number in range(2 * classes):
        name = f"{number // 2 + 1:03}.Bird/{number}.png"
        write_image(folder / "images" / name, number)
        lines["images.txt"].append(f"{number + 1} {name}")
        lines["image_class_labels.txt"].append(f"{number + 1} {number // 2 + 1}")
        lines["train_test_split.txt"].append(f"{number + 1} {number % 2}")
    for name, rows in lines.items():
        (folder / name).write_text("\n".join(rows) + "\n")


def products(folder):
    """The archive of Stanford Online Products: products 1-3 to train, 4-5 to test."""
    header = "image_id class_id super_class_id path"
    for name, ids in (("Ebay_train.txt", (1, 2, 3)), ("Ebay_test.txt", (4, 5))):
        rows = [header]
        for number in [one for one in ids for _ in range(2)]:
            path = f"bicycle_final/{number}_{len(rows)}.JPG"
            write_image(folder / path, len(rows))
            rows.append(f"{len(rows)} {number} 1 {path}")
        (folder / name).write_text("\n".join(rows) + "\n")


def characters(folder):
    """The archives of Omniglot: characters 1-3 to train, 4-5 to test, drawn by two people."""
    for part, ids in (("images_background", (1, 2, 3)), ("images_evaluation", (4, 5))):
        for number in ids:
            for person in (1, 2):
                name = f"{part}/Greek/character{number:02}/{number:04}_{person:02}.png"
                write_image(folder / name, 10 * number + person, (105, 105))
