"""The ads tutorial's service, for comparison: Flask, the upload saved under its own name, Keras on 64 x 64 pixels.

Run by ``bench/service.py`` in an environment of its own. Debug mode is left out: it would only be slower.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras  # type: ignore[import-not-found]
import numpy as np
from flask import Flask, jsonify, request
from keras import layers
from keras.utils import img_to_array, load_img  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--uploads", required=True)
options = parser.parse_args()
model = keras.Sequential(
    [
        layers.Input((64, 64, 3)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(2, activation="sigmoid"),
    ]
)
app = Flask(__name__)


@app.route("/")
def index():  # type: ignore[no-untyped-def]
    return "ready"


@app.route("/v1/check", methods=["POST"])
def check():  # type: ignore[no-untyped-def]
    file = request.files["image"]
    path = os.path.join(options.uploads, file.filename or "")  # noqa: PTH118 - as in the tutorial
    file.save(path)
    pixels = np.expand_dims(img_to_array(load_img(path, target_size=(64, 64))), axis=0)
    best = int(np.argmax(model.predict(pixels, verbose=0)[0]))
    return jsonify({"class": ["laptop", "phone"][best], "categories_matched": best == 0})


app.run(host="127.0.0.1", port=options.port)
