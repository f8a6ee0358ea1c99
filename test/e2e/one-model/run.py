"""Runs an exported model as a stranger would: run.py FOLDER, items as JSON on stdin; prints what came of it as JSON."""

import glob
import json
import os
import sys

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

folder = sys.argv[1]
sys.path.insert(0, folder)
from prepare import Preparation  # noqa: E402


def tensors(kind):
    named = {}
    for file in glob.glob(os.path.join(folder, 'test_data_set_0', f'{kind}_*.pb')):
        with open(file, 'rb') as opened:
            tensor = onnx.TensorProto.FromString(opened.read())
        named[tensor.name] = numpy_helper.to_array(tensor)
    return named


model = onnx.load(os.path.join(folder, 'model.onnx'))
onnx.checker.check_model(model)
session = onnxruntime.InferenceSession(os.path.join(folder, 'model.onnx'))
golden = tensors('output')
given = session.run(list(golden), tensors('input'))
prepare = Preparation()
answers, *_ = session.run(None, prepare(json.load(sys.stdin)))
print(
    json.dumps(
        {
            'domains': [each.domain for each in model.opset_import],
            'golden': len(golden),
            'difference': max(float(numpy.abs(given[at] - value).max()) for at, value in enumerate(golden.values())),
            'labels': prepare.config['labels'],
            'answers': answers.tolist(),
        }
    )
)
