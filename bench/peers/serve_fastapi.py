"""FastAPI and onnxruntime, as most write it: a function that FastAPI runs in its pool of threads."""

import os

import uvicorn
from fastapi import FastAPI, File, Form

from serving import Classifier, decode

classifier = Classifier()
app = FastAPI()


@app.post("/predict")
def predict(image: bytes = File(), text: str = Form()) -> dict:
    return classifier.classify([decode(image)], [text])[0]


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning")
