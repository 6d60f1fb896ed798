// A photo becomes the square of pixels that the network takes, as goodsight.photos does it in Python: to the bit, but for
// tall pictures, which Pillow may resample down before across (one level), and for JPEGs that are much reduced (two).
"use strict";

const Pixels = (() => {
  const PRECISION = 22; // bits behind the point of a weight, as in Pillow's Resample.c
  const STRIP = 256; // rows at once: a canvas may have only so many pixels

  function roundHalfEven(value) {
    const low = Math.floor(value);
    if (value - low !== 0.5) return Math.round(value);
    return low % 2 ? low + 1 : low;
  }

  // Width and height after resizing, before padding.
  function boxOf(resize, width, height) {
    if (resize.fit === "squash") return [resize.size, resize.size];
    const scale = resize.size / Math.max(width, height);
    return [width, height].map((side) => Math.max(1, roundHalfEven(side * scale)));
  }

  // How many pixels along each side become one before all else: JPEGs are decoded at a smaller scale.
  function reductionOf(isJpeg, [width, height], [wide, high]) {
    const most = Math.min(Math.floor(width / wide), Math.floor(height / high));
    return isJpeg ? [8, 4, 2, 1].find((step) => most >= step) || 1 : 1;
  }

  // For each pixel to make: where it begins to read, and the weights of what it reads. A triangle filter, `length`
  // exact pixels of `there` ones; it grows with the reduction.
  function taps(there, length, wanted) {
    const scale = length / wanted;
    const support = Math.max(scale, 1);
    return Array.from({ length: wanted }, (_, at) => {
      const centre = (at + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - support + 0.5));
      const last = Math.min(there, Math.trunc(centre + support + 0.5));
      const weights = [];
      for (let x = first; x < last; x++) weights.push(Math.max(0, 1 - Math.abs((x - centre + 0.5) * (1 / support))));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return { first, weights: weights.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** PRECISION)) };
    });
  }

  function rounded(sum) {
    return Math.min(255, Math.max(0, (sum + 2 ** (PRECISION - 1)) >> PRECISION));
  }

  // Lines of RGB pixels, each resampled: `step` leads from a pixel to the next one, `line` from a line to the next.
  function resample(from, to, lines, plan, steps, offset) {
    for (let line = 0; line < lines; line++) {
      for (let at = 0; at < plan.length; at++) {
        const { first, weights } = plan[at];
        for (let colour = 0; colour < 3; colour++) {
          let sum = 0;
          let place = line * steps.fromLine + first * steps.fromStep + colour;
          for (const weight of weights) {
            sum += from[place] * weight;
            place += steps.fromStep;
          }
          to[offset + line * steps.toLine + at * steps.toStep + colour] = rounded(sum);
        }
      }
    }
  }

  // RGBA rows (height, width) as RGB, each `step` x `step` pixels as their mean.
  function reduced(rgba, width, height, step) {
    const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
    const made = new Uint8Array(wide * high * 3);
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        const [right, bottom] = [Math.min(width, (x + 1) * step), Math.min(height, (y + 1) * step)];
        for (let colour = 0; colour < 3; colour++) {
          let sum = 0;
          for (let row = y * step; row < bottom; row++) {
            for (let column = x * step; column < right; column++) sum += rgba[(row * width + column) * 4 + colour];
          }
          made[(y * wide + x) * 3 + colour] = Math.round(sum / ((right - x * step) * (bottom - y * step)));
        }
      }
    }
    return made;
  }

  // The rows of a picture from `top` on, transparency laid on white.
  function rows(canvas, bitmap, top, height) {
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, top, bitmap.width, height, 0, 0, bitmap.width, height);
    return pen.getImageData(0, 0, bitmap.width, height).data;
  }

  // RGB (size, size, 3) of a picture the right way up.
  function square(bitmap, resize, isJpeg) {
    const { width, height } = bitmap;
    const [wide, high] = boxOf(resize, width, height);
    const step = reductionOf(isJpeg, [width, height], [wide, high]);
    const [columns, lines] = [Math.ceil(width / step), Math.ceil(height / step)];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, Math.min(height, STRIP)];
    const same = columns === wide && lines === high;
    const across = taps(columns, same ? wide : width / step, wide);
    const between = new Uint8Array(lines * wide * 3);
    for (let top = 0; top < height; top += STRIP) {
      const some = Math.min(STRIP, height - top);
      const strip = reduced(rows(canvas, bitmap, top, some), width, some, step);
      const steps = { fromLine: columns * 3, fromStep: 3, toLine: wide * 3, toStep: 3 };
      resample(strip, between, Math.ceil(some / step), across, steps, (top / step) * wide * 3);
    }
    const { size } = resize;
    const made = new Uint8Array(size * size * 3).fill(255);
    const [left, above] = [Math.floor((size - wide) / 2), Math.floor((size - high) / 2)];
    const down = taps(lines, same ? high : height / step, high);
    const steps = { fromLine: 3, fromStep: wide * 3, toLine: 3, toStep: size * 3 };
    resample(between, made, wide, down, steps, (above * size + left) * 3);
    return made;
  }

  // RGB (size, size, 3) of a file; an error where this browser cannot read it.
  async function ofFile(file, resize) {
    const head = new Uint8Array(await file.slice(0, 3).arrayBuffer());
    const isJpeg = head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff;
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    try {
      return square(bitmap, resize, isJpeg);
    } finally {
      bitmap.close();
    }
  }

  return { ofFile };
})();
