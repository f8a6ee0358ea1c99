"""What scikit-learn answers on the same features and splits: a table of rivals, one function each.

One JSON object a line on stdin, one a line on stdout: `load`, then `fit` for each split. Whatever a rival chooses, it
chooses by cross-validation on the training rows.
"""

import json
import os
import sys
import warnings

# Read when NumPy is loaded. Its threads only wait for each other on matrices of this size: 30 times slower with two.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import Normalizer, StandardScaler

# A class with fewer examples than folds is still fitted; the warning would only repeat it for every split.
warnings.filterwarnings("ignore", message="The least populated class")

STRENGTHS = np.logspace(-5, 1, 13)
# Rows of TF-IDF have length 1 and few numbers that are not 0, so they take less regularisation.
LEXICAL_STRENGTHS = np.logspace(-1, 4, 6)
NEIGHBOURS = [1, 3, 5, 9, 15, 25]
# Above this many rows one held-out tenth chooses as well as five folds do.
MANY = 10_000
TINY = 1e-6


class Data:
    """The loaded set."""

    def __init__(self, request):
        rows = request["rows"]
        self.modalities = request["modalities"]
        self.raw = [np.fromfile(file, np.float32).reshape(rows, -1).astype(np.float64) for file in request["features"]]
        self.present = [np.fromfile(file, np.uint8) == 1 for file in request["present"]]
        self.labels = np.array(request["labels"])
        self.texts = np.array(request["texts"]) if request.get("texts") else None


class Split:
    """A split of the data, and what several rivals take from it. A rival's answer: [test rows, classes]."""

    def __init__(self, data, request):
        self.data, self.classes, self.seed = data, request["classes"], request["seed"]
        self.train, self.test = np.array(request["train"]), np.array(request["test"])
        self.members = {}

    def folds(self, rows):
        if len(rows) > MANY:
            return StratifiedShuffleSplit(1, test_size=0.1, random_state=self.seed)
        return StratifiedKFold(5, shuffle=True, random_state=self.seed)

    def standardised(self, m):
        """Mean 0 and deviation 1 over the training rows that have the modality; rows that lack it are all 0."""
        features, present = self.data.raw[m], self.data.present[m]
        scaler = StandardScaler().fit(features[self.train[present[self.train]]])
        return scaler.transform(features) * present[:, None]

    def unit(self):
        return np.hstack([Normalizer().transform(features) for features in self.data.raw])

    def spread(self, model, features):
        """The model's answers to rows of features, with a column for every class of the set."""
        answers = np.zeros((features.shape[0], self.classes))
        answers[:, model.classes_] = model.predict_proba(features)
        return answers

    def member(self, name):
        """The answers of a logistic regression to the test rows, and out of fold to the training rows."""
        if name not in self.members:
            self.members[name] = self.fit_member(name)
        return self.members[name]

    def fit_member(self, name):
        data = self.data
        if name == "TF-IDF":
            return self.regression(lexical(data.texts, self.train), self.train, LEXICAL_STRENGTHS)
        if name == "joined":
            return self.regression(
                np.hstack([self.standardised(m) for m in range(len(data.raw))]), self.train, STRENGTHS
            )
        m = data.modalities.index(name)
        has = data.present[m]
        test, training = self.regression(self.standardised(m), self.train[has[self.train]], STRENGTHS)
        # Who lacks the modality is answered by all classes alike, which counts for nothing in a pool.
        test[~has[self.test]] = 1 / self.classes
        training[~has[self.train]] = 1 / self.classes
        return test, training

    def regression(self, features, rows, strengths):
        if not sparse.issparse(features) and len(rows) < features.shape[1]:
            # The same model in fewer numbers: what is at right angles to all training rows gets no weight.
            features = features @ np.linalg.svd(features[rows], full_matrices=False)[2].T
        labels, folds = self.data.labels, self.folds(rows)
        model = LogisticRegressionCV(
            Cs=strengths[::2] if len(rows) > MANY else strengths,
            cv=folds,
            scoring="neg_log_loss",
            l1_ratios=(0,),
            use_legacy_attributes=False,
            max_iter=5000,
        ).fit(features[rows], labels[rows])
        out_of_fold = np.full((len(labels), self.classes), np.nan)
        for kept, held in folds.split(rows, labels[rows]):
            fold = LogisticRegression(C=model.C_, max_iter=5000).fit(features[rows[kept]], labels[rows[kept]])
            out_of_fold[rows[held]] = self.spread(fold, features[rows[held]])
        return self.spread(model, features[self.test]), out_of_fold[self.train]


def lexical(texts, train):
    """TF-IDF of words and pairs of words, and of the two to five characters within words."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    for vectorizer in (words, characters):
        vectorizer.fit(texts[train])
    return sparse.hstack([words.transform(texts), characters.transform(texts)]).tocsr()


def late_fusion(split):
    """The mean of the modalities that a row has."""
    present = [has[split.test, None] for has in split.data.present]
    answers = [split.member(name)[0] for name in split.data.modalities]
    return sum(p * has for p, has in zip(answers, present)) / sum(present)


def pool(split, names):
    """A product of the members' answers to powers of their own, which are fitted out of fold to the best likelihood."""
    members = [split.member(name) for name in names]
    logs = np.stack([np.log(np.clip(training, TINY, 1)) for _, training in members])
    known = ~np.isnan(logs).any(axis=(0, 2))
    logs, labels = logs[:, known], split.data.labels[split.train][known]

    def loss(powers):
        scores = np.tensordot(powers, logs, 1)
        scores -= scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        errors = np.exp(log_p)
        errors[np.arange(len(labels)), labels] -= 1
        gradient = np.array([(errors * member).sum() for member in logs])
        return -log_p[np.arange(len(labels)), labels].mean(), gradient / len(labels)

    start = np.full(len(members), 1 / len(members))
    powers = minimize(loss, start, jac=True, bounds=[(0, None)] * len(members)).x
    scores = np.tensordot(powers, np.stack([np.log(np.clip(test, TINY, 1)) for test, _ in members]), 1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def discriminant(split, features, rows):
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features[rows], split.data.labels[rows])
    return split.spread(model, features[split.test])


def late_discriminants(split):
    present = [has[split.test, None] for has in split.data.present]
    answers = [
        discriminant(split, Normalizer().transform(features), split.train[has[split.train]])
        for features, has in zip(split.data.raw, split.data.present)
    ]
    return sum(p * has for p, has in zip(answers, present)) / sum(present)


def neighbours(split):
    """On unit-length features, so that distances are angles; k by the accuracy, for votes know no likelihood."""
    most = int(len(split.train) * 0.8)
    grid = {"n_neighbors": [k for k in NEIGHBOURS if k <= most]}
    model = GridSearchCV(
        KNeighborsClassifier(weights="distance"), grid, cv=split.folds(split.train)
    ).fit(split.unit()[split.train], split.data.labels[split.train])
    return split.spread(model, split.unit()[split.test])


def rivals(data):
    """The rivals on such data: a name, and from a split to the answers."""
    three = ["joined", *data.modalities]
    table = {
        "logistic regression, joined": lambda split: split.member("joined")[0],
        "logistic regression, late fusion": late_fusion,
        **{
            f"logistic regression, {name} only": lambda split, name=name: split.member(name)[0]
            for name in data.modalities
        },
        "log-opinion pool": lambda split: pool(split, three),
        "shrinkage LDA, joined": lambda split: discriminant(split, split.unit(), split.train),
        "shrinkage LDA, late fusion": late_discriminants,
        "k nearest neighbours": neighbours,
    }
    if data.texts is not None:
        table["logistic regression, TF-IDF"] = lambda split: split.member("TF-IDF")[0]
        table["log-opinion pool with TF-IDF"] = lambda split: pool(split, [*three, "TF-IDF"])
    return table


for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    if request["command"] == "load":
        data = Data(request)
    else:
        split = Split(data, request)
        answer = {name: rival(split).tolist() for name, rival in rivals(data).items()}
    print(json.dumps(answer), flush=True)
