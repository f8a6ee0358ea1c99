"""Logistic regression on frozen features, its strength chosen by cross-validation on the training rows.

One JSON object a line on stdin, one a line on stdout: `load`, then `fit` for each split.
"""

import json
import os
import sys
import warnings

# Read when NumPy is loaded. Its threads only wait for each other on matrices of this size: 30 times slower with two.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

# A class with fewer examples than folds is still fitted; the warning would only repeat it for every split.
warnings.filterwarnings("ignore", message="The least populated class")

STRENGTHS = np.logspace(-5, 1, 13)
# Above this many rows one held-back tenth chooses the strength as well as five folds do.
MANY = 10_000


def load(request):
    rows = request["rows"]
    features = [np.fromfile(file, np.float32).reshape(rows, -1) for file in request["features"]]
    present = [np.fromfile(file, np.uint8) == 1 for file in request["present"]]
    return features, present, np.array(request["labels"])


def standardised(features, present, train):
    """Mean 0 and deviation 1 over the training rows that have the modality; rows that lack it are all 0."""
    # In double precision: with single, the solver never meets its tolerance.
    scaler = StandardScaler().fit(features[train[present[train]]].astype(np.float64))
    return scaler.transform(features.astype(np.float64)) * present[:, None]


def probabilities(features, labels, train, test, classes, seed):
    if len(train) < features.shape[1]:
        # The same model in fewer numbers: what is at right angles to all training rows gets no weight.
        features = features @ np.linalg.svd(features[train], full_matrices=False)[2].T
    many = len(train) > MANY
    model = LogisticRegressionCV(
        Cs=STRENGTHS[::2] if many else STRENGTHS,
        cv=StratifiedShuffleSplit(1, test_size=0.1, random_state=seed)
        if many
        else StratifiedKFold(5, shuffle=True, random_state=seed),
        scoring="neg_log_loss",
        l1_ratios=(0,),
        use_legacy_attributes=False,
        max_iter=5000,
    )
    model.fit(features[train], labels[train])
    answers = np.zeros((len(test), classes))
    answers[:, model.classes_] = model.predict_proba(features[test])
    return answers


for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    if request["command"] == "load":
        features, present, labels = load(request)
    else:
        train, test = np.array(request["train"]), np.array(request["test"])
        rest = (test, request["classes"], request["seed"])
        scaled = [standardised(values, has, train) for values, has in zip(features, present)]
        answer["joined"] = probabilities(np.hstack(scaled), labels, train, *rest).tolist()
        answer["alone"] = [
            probabilities(values, labels, train[has[train]], *rest).tolist()
            for values, has in zip(scaled, present)
        ]
    print(json.dumps(answer), flush=True)
