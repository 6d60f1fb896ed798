"""The ads tutorial's recipe, for comparison: two convolutions on 64 x 64, flips, shear and zoom, Adam.

Run by ``bench/speed.py`` in an environment of its own: ``python keras_recipe.py FOLDER`` with train/ and validation/.
25 epochs of 100 batches of 64 are run as the same number of batches in passes over the photos.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras  # type: ignore[import-not-found]
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # type: ignore[import-not-found]

keras.utils.set_random_seed(0)
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
model.compile("adam", "binary_crossentropy", metrics=["categorical_accuracy"])
augmented = ImageDataGenerator(rescale=1 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
plain = ImageDataGenerator(rescale=1 / 255)
how = {"target_size": (64, 64), "batch_size": 64, "class_mode": "categorical"}
train = augmented.flow_from_directory(f"{sys.argv[1]}/train", **how)
validation = plain.flow_from_directory(f"{sys.argv[1]}/validation", shuffle=False, **how)
history = model.fit(train, epochs=25 * 100 // len(train), validation_data=validation, verbose=0)
print("accuracy", history.history["val_categorical_accuracy"][-1])
