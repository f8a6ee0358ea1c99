"""An image as an encoder's input, by Pillow: what every Python side here shares."""

import numpy as np
from PIL import Image, ImageOps

KERNELS = {"cubic": "BICUBIC", "linear": "BILINEAR", "lanczos3": "LANCZOS", "nearest": "NEAREST"}


def pixels(file, *, shortSide, crop, kernel, fit=None, background="#ffffff"):
    """RGB [crop, crop, 3], by an encoder's `preprocessing`. `fit` is "pad", or None for the square in the centre."""
    image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    scale = shortSide / (max if fit == "pad" else min)(image.size)
    image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling[KERNELS[kernel]])
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    if fit != "pad":
        return np.asarray(image.crop((left, top, left + crop, top + crop)))
    square = Image.new("RGB", (crop, crop), background)
    square.paste(image, ((crop - image.width) // 2, (crop - image.height) // 2))
    return np.asarray(square)
