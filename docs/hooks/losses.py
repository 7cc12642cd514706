"""Tables of all losses, read from their docstrings and signatures without importing them."""

import ast
import re
from dataclasses import dataclass
from functools import cache

from public_names import ROOT, public_names

PACKAGE = "keras_metric.losses"
_FOLDER = ROOT / "keras_metric" / "losses"
_BASES = {"ABC", "MetricLoss", "LabelledBatchLoss", "MinedLoss", "PairLoss", "ClassProxyLoss"}

# When to use each: what a docstring of one loss alone cannot say. A test holds the names
# against the package.
WHEN = {
    "AngularLoss": "classes of very different spread: an angle needs no scale",
    "ArcFaceLoss": "faces and other problems of thousands of classes, each with many images",
    "BarlowTwinsLoss": "no labels, small batches, wide projections",
    "CircleLoss": "one loss for pairs and classes; little to tune",
    "ContrastiveLoss": "pairs known as same or different are all there is",
    "ContrastivePairsLoss": "a threshold on the distance is wanted afterwards",
    "CosFaceLoss": "as ArcFace, where its training does not settle",
    "DecoupledContrastiveLoss": "as NT-Xent, with small batches",
    "DynamicSoftMarginLoss": "descriptors of patches; no margin to tune",
    "FastAPLoss": "the ranking is what counts, and batches are large",
    "GeneralizedLiftedStructLoss": "as lifted structure, one term an anchor",
    "HistogramLoss": "no margin to tune; batches large enough for histograms",
    "InfoNCELoss": "two views or two kinds of data (image and text), no labels",
    "IntraPairVarianceLoss": "beside another loss, against a long tail of hard pairs",
    "LargeMarginSoftmaxLoss": "classes as in a classifier, with a margin; few of them",
    "LiftedStructLoss": "code that used TensorFlow Addons' loss",
    "MarginLoss": "with distance-weighted mining; the boundary can be learned",
    "MultiSimilarityLoss": "fine-grained classes in P x K batches; a strong first choice",
    "NCALoss": "small sets; a nearest neighbour's vote is what is used",
    "NTXentLoss": "two views of each image in one batch (SimCLR), or large batches with labels",
    "NormalizedSoftmaxLoss": "the plainest of the losses on proxies: the baseline",
    "NpairsLoss": "batches of pairs, one pair a class",
    "NpairsMultilabelLoss": "pairs of images that have several labels",
    "PNLoss": "as semi-hard triplets, where positives and negatives crowd",
    "PNPLoss": "the ranking is what counts, without ranks among positives",
    "ProxyAnchorLoss": "many classes of few images; settles fast",
    "ProxyNCALoss": "small batches, many classes",
    "RankedListLoss": "classes must keep their inner spread",
    "SimSiamLoss": "no labels and no negatives; a predictor behind the projection",
    "SmoothAPLoss": "mean average precision is what is measured; few positives an anchor",
    "SoftNearestNeighborLoss": "to entangle or disentangle classes, as a second term",
    "SoftTripleLoss": "classes of several looks",
    "SphereFaceLoss": "results of that paper are to be repeated",
    "SubCenterArcFaceLoss": "as ArcFace, with wrong labels among the data",
    "SupConLoss": "labels, large batches, two views of each image",
    "SupConMultilabelLoss": "images that have several labels",
    "ThresholdConsistentMarginLoss": "one threshold must serve all classes; beside another loss",
    "TripletHardLoss": "clean labels, P x K batches, a network that is trained already",
    "TripletLoss": "every other choice of triplets, or a miner of your own",
    "TripletMarginLoss": "triplets are all there is",
    "TripletSemiHardLoss": "the default: labels and balanced batches; rarely collapses",
    "TupletMarginLoss": "fine-grained classes, with slack against overfitting",
    "VICRegLoss": "no labels; two branches that may differ",
}

# The formula, where the first pieces of code in a docstring are not the whole of it.
FORMULA = {
    "ArcFaceLoss": "-log softmax(scale * cos(angle + margin * [own class]))",
    "ContrastivePairsLoss": "mean [d_ap - pos_margin]_+ + mean [neg_margin - d_an]_+",
    "DecoupledContrastiveLoss": "-w_ap s_ap / t + log sum_n exp(s_an / t), w_ap = 1"
    " unless weight_scale is given",
    "DynamicSoftMarginLoss": "g CDF(g), g = d_ap - min_n min(d_an, d_pn)",
    "IntraPairVarianceLoss": "mean [(1 - pos_eps) mean(s_ap) - s_ap]_+^2"
    " + mean [s_an - (1 + neg_eps) mean(s_an)]_+^2",
    "LargeMarginSoftmaxLoss": "-log softmax(scale * length * cos(angle)), for the own class with"
    " (-1)^k cos(margin * angle) - 2 k in place of the cosine, k = floor(margin * angle / pi)",
    "PNLoss": "[d_ap - min(d_an, d_pn) + margin]_+",
    "ProxyAnchorLoss": "mean_own log(1 + sum exp(-alpha (cosine - margin)))"
    " + mean_all log(1 + sum exp(alpha (cosine + margin)))",
    "ProxyNCALoss": "-log softmax(-softmax_scale * (2 - 2 cosine))",
    "RankedListLoss": "(1 - imbalance) sum_p w_p [d_ap - (alpha - margin)]_+"
    " + imbalance sum_n w_n [alpha - d_an]_+",
    "SimSiamLoss": "-(cos(p_1, z_2) + cos(p_2, z_1)) / 2",
    "SoftTripleLoss": "-log softmax(scale * (s - margin * [own class])),"
    " s = sum softmax(cosine / gamma) cosine over the class's centres",
    "SphereFaceLoss": "-log softmax(scale * length * cos(angle)), the own class as in"
    " LargeMarginSoftmaxLoss, length that of the embedding",
    "SubCenterArcFaceLoss": "-log softmax(scale * cos(angle + margin * [own class])),"
    " angle to the nearest centre of a class",
    "ThresholdConsistentMarginLoss": "lambda_plus mean [margin_plus - s_ap]_+"
    " + lambda_minus mean [s_an - margin_minus]_+",
    "TripletHardLoss": "[max_p d_ap - min_n d_an + margin]_+",
    "TripletLoss": "[d_ap - d_an + margin]_+",
    "TripletMarginLoss": "[d_ap - d_an + margin]_+",
    "TripletSemiHardLoss": "[d_ap - min_n {d_an : d_an > d_ap} + margin]_+",
    "VICRegLoss": "invariance_lambda mean (z - z')^2 + variance_mu mean [1 - sqrt(var + eps)]_+"
    " + covariance_v sum_(i != j) cov_ij^2 / dim",
}

# Why the defaults are what they are, where the docstring need not say it.
WHY = {
    "DecoupledContrastiveLoss": "The paper's temperature.",
    "DynamicSoftMarginLoss": "pytorch-metric-learning's: right for distances up to 2.",
    "ContrastivePairsLoss": "pytorch-metric-learning's.",
    "LiftedStructLoss": "TensorFlow Addons'.",
    "MarginLoss": "pytorch-metric-learning's.",
    "NpairsLoss": "TensorFlow Addons' similarity is the dot product.",
    "NpairsMultilabelLoss": "TensorFlow Addons' similarity is the dot product.",
    "RankedListLoss": "The paper's simpler form.",
    "SimSiamLoss": "There is nothing to set.",
    "SmoothAPLoss": "pytorch-metric-learning's.",
    "SupConMultilabelLoss": "`SupConLoss`'s.",
    "TripletHardLoss": "TensorFlow Addons'; 0.2 suits embeddings of length 1 better.",
    "TripletLoss": "pytorch-metric-learning's.",
    "TripletMarginLoss": "PyTorch's.",
    "TripletSemiHardLoss": "TensorFlow Addons'; 0.2 suits embeddings of length 1 better.",
    "TupletMarginLoss": "pytorch-metric-learning's.",
    "VICRegLoss": "The paper's.",
}
# What is measured where the signature does not say it.
DISTANCES = {
    "AngularLoss": "angle",
    "BarlowTwinsLoss": "correlation of coordinates",
    "FastAPLoss": "squared euclidean, length 1",
    "HistogramLoss": "cosine",
    "IntraPairVarianceLoss": "cosine",
    "SimSiamLoss": "cosine",
    "ThresholdConsistentMarginLoss": "cosine",
    "TripletHardLoss": "L2, or another",
    "TripletSemiHardLoss": "L2, or another",
    "TupletMarginLoss": "angle",
    "VICRegLoss": "squared euclidean",
}
_OF_KIND = {"proxies": "what `ProxyHead` puts out", "tuples": "that of the layer before"}
_WHY_PROXIES = "pytorch-metric-learning's."

_NEEDS = {
    "proxies": "class labels and a `ProxyHead`",
    "labelled": "class labels and several images a class in a batch",
    "tuples": "pairs or triplets",
    "views": "two views of each image, or pairs",
}


@dataclass(frozen=True)
class Loss:
    """What a table shows of one loss."""

    name: str
    kind: str
    formula: str
    averaged: str
    distance: str
    defaults: str
    why: str
    paper: str
    margins: str


@cache
def all_losses() -> tuple[Loss, ...]:
    """Every public loss that can be used."""
    public = set(public_names(PACKAGE))
    classes = {}
    for file in sorted(_FOLDER.glob("_*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Loss"):
                classes[node.name] = node
    names = sorted(public & set(classes) - _BASES)
    return tuple(_loss(classes[name], classes) for name in names)


def losses_table(kind: str) -> str:
    """The losses of one kind: `labelled`, `proxies`, `tuples` or `views`."""
    rows = [loss for loss in all_losses() if loss.kind == kind]
    if not rows:
        raise LookupError(f"there are no losses of kind {kind!r}, known are {sorted(_NEEDS)}")
    lines = [
        f"Needs {_NEEDS[kind]}.",
        "",
        '<div class="losses" markdown>',
        "",
        "| loss | when to use it | formula | what is averaged | distance | defaults | margins "
        "| why these | paper |",
        "|" + " --- |" * 9,
    ]
    for loss in rows:
        link = f"[`{loss.name}`][{PACKAGE}.{loss.name}]"
        cells = [link, WHEN[loss.name], loss.formula, loss.averaged, loss.distance]
        cells += [loss.defaults, loss.margins, loss.why, loss.paper]
        cells = [cell.replace("|", "&#124;") for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "</div>"])


def _loss(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Loss:
    docstring = ast.get_docstring(node) or ""
    before, _, after = docstring.partition("\nArgs:\n")
    text, kind = " ".join(before.split()), _kind(node, classes)
    averaged = re.search(r"What is averaged: (.*?)(?:\.(?:\s|$)|; )", text)
    paper = re.search(r"References?: \[([^\]]+)\]\(\s*([^)\s]+)\s*\)", text)
    defaults = _defaults(node, classes)
    chosen = re.search(r"`distance='([\w-]+)'`", defaults)
    return Loss(
        node.name,
        kind,
        _code(FORMULA[node.name]) if node.name in FORMULA else _formula(before),
        averaged[1] if averaged else "",
        f"{chosen[1]}, or another" if chosen else DISTANCES.get(node.name, _OF_KIND.get(kind, "")),
        defaults,
        WHY.get(node.name) or _why(text, after) or (_WHY_PROXIES if kind == "proxies" else ""),
        f"[{paper[1]}]({paper[2]})" if paper else "",
        _units(after),
    )


def _formula(text: str) -> str:
    """The pieces of code that compute something, up to what is averaged."""
    first, _, rest = text.partition("\n\n")
    rest = rest.split("What is averaged")[0].split("Reference")[0]
    text = rest if "`" in rest else first
    pieces = [" ".join(piece.split()) for piece in text.split("`")[1::2]]
    found = [piece for piece in pieces if len(piece) > 9 and re.search(r"[-+/(]", piece)]
    return ", ".join(_code(piece) for piece in found[:2])


def _code(text: str) -> str:
    """Code that Markdown leaves alone: its own marks would be at work inside of HTML."""
    literal = re.sub(r"[_*<>&`\\|]", lambda mark: f"&#{ord(mark[0])};", text)
    return f"<code>{literal}</code>"


def _why(text: str, arguments: str) -> str:
    sentence = r"[^.]*\b[Dd]efaults?\b[^.]*(?:\.\d[^.]*)*\.(?=\s|$)"
    found = re.search(sentence, text) or re.search(
        sentence, " ".join(arguments.split("Call arguments")[0].split())
    )
    return found[0].strip() if found else ""


def _units(arguments: str) -> str:
    """What the docstring says of margins: unit and range."""
    found = []
    for name, words in re.findall(
        r"^    (\w*margin\w*|alpha|m|\w+_eps): (.+(?:\n {8}.+)*)", arguments, re.MULTILINE
    ):
        found.append(f"`{name}`: " + " ".join(words.split()))
    return " ".join(found)


def _ancestors(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    found = [node]
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found += _ancestors(classes[base.id], classes)
    return found


def _kind(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> str:
    names = {base.name for base in _ancestors(node, classes)}
    names |= {b.id for one in _ancestors(node, classes) for b in one.bases if hasattr(b, "id")}
    if "ClassProxyLoss" in names:
        return "proxies"
    if names & {"LabelledBatchLoss", "PairLoss"} or node.name == "SupConMultilabelLoss":
        return "labelled"
    return "tuples" if node.name in ("ContrastiveLoss", "TripletMarginLoss") else "views"


def _defaults(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> str:
    for one in _ancestors(node, classes):
        for item in one.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return _arguments(item.args)
    return ""


def _arguments(args: ast.arguments) -> str:
    first = args.args[len(args.args) - len(args.defaults) :]
    pairs = [*zip(first, args.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
    shown = [
        f"`{argument.arg}={ast.unparse(default)}`"
        for argument, default in pairs
        if argument.arg not in ("name", "seed", "distance_metric")
    ]
    return ", ".join(shown)
