// Heat-maps over part images. A blob is an 8-bit grey PNG over exactly the image area; 128 is the threshold.
// The colour scale is ours: lightness falls evenly (OKLCH), and nothing shows well below the threshold.

const START = 0.45; // in multiples of the threshold: transparent up to here
const FULL = 1.05; // and as opaque as it gets from here on

function oklchToRgb(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((value) => {
    const clipped = Math.min(1, Math.max(0, value));
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  });
}

/** RGBA for each of the 256 grey values. */
export const SCALE = Array.from({ length: 256 }, (_, grey) => {
  const multiple = grey / 127.5;
  const heat = Math.min(1, Math.max(0, (multiple - START) / (2 - START)));
  const rgb = oklchToRgb(0.88 - 0.4 * heat, 0.14 + 0.08 * Math.sin(Math.PI * heat), 100 - 110 * heat);
  const alpha = Math.min(1, Math.max(0, (multiple - START) / (FULL - START)));
  return [...rgb, Math.round(230 * alpha * alpha)];
});

const DRAWN_WIDTH = 512;

const decoded = new Map();
const DECODED_LIMIT = 64;

function load(address) {
  if (!decoded.has(address)) {
    if (decoded.size >= DECODED_LIMIT) decoded.delete(decoded.keys().next().value);
    decoded.set(address, colour(address));
  }
  return decoded.get(address);
}

async function colour(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data.set(SCALE[pixels.data[at]], at);
  context.putImageData(pixels, 0, 0);
  return canvas;
}

async function paint(canvas) {
  try {
    const small = await load(canvas.dataset.heatmap);
    const image = canvas.parentElement.querySelector("img");
    await image.decode();
    // The grid covers the image exactly, but its cells need not be square: the canvas takes the image's shape.
    // Enlarged with smoothing, so that a cell of the feature grid does not look like a measured edge.
    canvas.width = DRAWN_WIDTH;
    canvas.height = Math.max(1, Math.round((DRAWN_WIDTH * image.naturalHeight) / image.naturalWidth));
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    canvas.dataset.painted = "yes";
  } catch {
    canvas.dataset.painted = "no"; // the image without its heat-map is still worth showing
  }
}

/** Paints every heat-map and legend below `root` that is not painted yet. */
export function paintAll(root = document) {
  for (const canvas of root.querySelectorAll("canvas[data-heatmap]:not([data-painted])")) paint(canvas);
  for (const legend of root.querySelectorAll("canvas[data-legend]")) {
    const context = legend.getContext("2d");
    const pixels = context.createImageData(256, legend.height);
    for (let y = 0; y < legend.height; y++) {
      for (let x = 0; x < 256; x++) pixels.data.set(SCALE[x], 4 * (256 * y + x));
    }
    context.putImageData(pixels, 0, 0);
  }
}

for (const slider of document.querySelectorAll("[data-opacity]")) {
  const apply = () => {
    for (const canvas of document.querySelectorAll("canvas[data-heatmap]")) canvas.style.opacity = slider.value / 100;
  };
  slider.addEventListener("input", apply);
  apply();
}
