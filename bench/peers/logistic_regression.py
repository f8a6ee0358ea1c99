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
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# A class with fewer examples than folds is still fitted; the warning would only repeat it for every split.
warnings.filterwarnings("ignore", message="The least populated class")

STRENGTHS = np.logspace(-5, 0, 11)


def load(request):
    rows = request["rows"]
    features = [np.fromfile(file, np.float32).reshape(rows, -1) for file in request["features"]]
    return features, np.array(request["labels"])


def probabilities(features, labels, train, test, classes, seed):
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=STRENGTHS,
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
            scoring="neg_log_loss",
            l1_ratios=(0,),
            use_legacy_attributes=False,
            max_iter=5000,
        ),
    )
    model.fit(features[train], labels[train])
    answers = np.zeros((len(test), classes))
    answers[:, model.classes_] = model.predict_proba(features[test])
    return answers


for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    if request["command"] == "load":
        features, labels = load(request)
    else:
        train, test = np.array(request["train"]), np.array(request["test"])
        split = (labels, train, test, request["classes"], request["seed"])
        answer["joined"] = probabilities(np.hstack(features), *split).tolist()
        answer["alone"] = [probabilities(modality, *split).tolist() for modality in features]
    print(json.dumps(answer), flush=True)
