"""The Pokedex tutorial's network in Keras on TensorFlow: training speed on photos of 96 x 96, for comparison.

Run by ``bench/training.py`` in an environment of its own. The photos are in memory and nothing is augmented, so only
the network's own work is timed; the first pass, which compiles, is not.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras  # type: ignore[import-not-found]
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
model = keras.Sequential([layers.Input((96, 96, 3))])
for widths, pool in (((32,), 3), ((64, 64), 2), ((128, 128), 2)):
    for width in widths:
        for layer in (layers.Conv2D(width, 3, padding="same"), layers.Activation("relu"), layers.BatchNormalization()):
            model.add(layer)
    model.add(layers.MaxPooling2D(pool))
    model.add(layers.Dropout(0.25))
for layer in (layers.Flatten(), layers.Dense(1024), layers.Activation("relu"), layers.BatchNormalization()):
    model.add(layer)
model.add(layers.Dropout(0.5))
model.add(layers.Dense(5, activation="softmax"))
model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
photos = np.random.default_rng(0).random((640, 96, 96, 3), np.float32)
labels = np.eye(5, dtype=np.float32)[np.arange(640) % 5]
model.fit(photos, labels, batch_size=32, epochs=1, verbose=0)
start = time.monotonic()
model.fit(photos, labels, batch_size=32, epochs=2, verbose=0)
print("parameters", model.count_params())
print("photos/s", 2 * len(photos) / (time.monotonic() - start))
