"""pillow: drawing, changing, and every common format both ways."""

import hashlib
import io
import math

from PIL import (
    Image,
    ImageChops,
    ImageColor,
    ImageDraw,
    ImageEnhance,
    ImageFilter,
    ImageFont,
    ImageMath,
    ImageMorph,
    ImageOps,
    ImagePalette,
    ImageSequence,
    ImageStat,
    ImageTransform,
    UnidentifiedImageError,
    features,
)


def show(what, image):
    digest = hashlib.sha256(image.tobytes()).hexdigest()[:16]
    print(f"{what}: {image.mode} {image.size} {digest}")


picture = Image.new("RGB", (160, 120), "navy")
draw = ImageDraw.Draw(picture)
draw.rectangle((10, 10, 70, 60), fill="#ff8000", outline="white", width=3)
draw.ellipse((60, 30, 150, 110), fill=(0, 200, 80))
draw.polygon([(20, 110), (80, 50), (140, 115)], outline="yellow")
draw.line([(0, 0), (159, 119)], fill="red", width=5)
draw.arc((5, 5, 155, 115), 30, 200, fill="cyan", width=2)
draw.rounded_rectangle((90, 5, 150, 40), 8, fill="purple")
draw.text((15, 80), "Rustclad!", font=ImageFont.load_default_imagefont(), fill="white")
show("drawn", picture)
show("text", Image.merge("RGB", [picture.getchannel(2)] * 3))
font = ImageFont.load_default(size=24)
canvas = Image.new("L", (200, 60))
ImageDraw.Draw(canvas).text((5, 5), "Trüetype", font=font, fill=255)
print("font:", font.getname(), font.getbbox("Trüetype"), ImageStat.Stat(canvas).sum[0] > 10_000)

gradient = Image.linear_gradient("L")
show("gradient", gradient)
for name in ("NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS"):
    show(name, picture.resize((97, 53), Image.Resampling[name]))
show("thumbnail", (lambda it: (it.thumbnail((50, 50)), it)[1])(picture.copy()))
show("rotated", picture.rotate(30, expand=True, resample=Image.Resampling.BICUBIC))
show("reduced", picture.reduce(3))
for method in Image.Transpose:
    show(method.name, picture.transpose(method))
show("affine", picture.transform((100, 100), ImageTransform.AffineTransform((1, 0.2, -5, 0.1, 1, 3))))
show("perspective", picture.transform((80, 80), Image.Transform.PERSPECTIVE, (1, 0.1, 0, 0.1, 1, 0, 0.001, 0.001)))

for made in (
    ImageFilter.BLUR,
    ImageFilter.SHARPEN,
    ImageFilter.FIND_EDGES,
    ImageFilter.GaussianBlur(2.5),
    ImageFilter.BoxBlur(3),
    ImageFilter.UnsharpMask(2, 150, 3),
    ImageFilter.MedianFilter(5),
    ImageFilter.ModeFilter(5),
    ImageFilter.Kernel((3, 3), [1, 2, 1, 0, 0, 0, -1, -2, -1], scale=1, offset=128),
    ImageFilter.Color3DLUT.generate(5, lambda r, g, b: (b, r, g)),
):
    show(getattr(made, "name", type(made).__name__), picture.filter(made))

for mode in ("1", "L", "P", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"):
    show(f"as {mode}", picture.convert(mode) if mode != "LAB" else Image.new("LAB", (4, 4), (50, 1, 2)))
show("quantized", picture.quantize(8).convert("RGB"))
for enhance in (ImageEnhance.Color, ImageEnhance.Contrast, ImageEnhance.Brightness, ImageEnhance.Sharpness):
    show(enhance.__name__, enhance(picture).enhance(1.7))
for name in ("invert", "grayscale", "mirror", "autocontrast", "equalize", "solarize"):
    show(name, getattr(ImageOps, name)(picture))
show("fit", ImageOps.fit(picture, (64, 64)))
show("colorized", ImageOps.colorize(gradient, "black", "gold"))

other = picture.transpose(Image.Transpose.ROTATE_180)
for name in ("add", "subtract", "multiply", "screen", "difference", "lighter", "overlay", "soft_light"):
    show(name, getattr(ImageChops, name)(picture, other))
mask = Image.radial_gradient("L").resize(picture.size)
show("composite", Image.composite(picture, other, mask))
show("blended", Image.blend(picture, other, 0.3))
layer = Image.new("RGBA", picture.size, (255, 0, 0, 90))
show("over", Image.alpha_composite(picture.convert("RGBA"), layer))
show("points", picture.point(lambda value: 255 - value))
show("computed", ImageMath.lambda_eval(lambda it: it["convert"](it["a"] * 2 - it["b"], "L"), a=gradient, b=mask.resize((256, 256))))
changed, morphed = ImageMorph.MorphOp(op_name="edge").apply(mask.point(lambda value: 255 * (value > 128)))
show(f"morphed {changed}", morphed)
print("statistics:", ImageStat.Stat(picture).mean == [sum(c * n for c, n in enumerate(band.histogram())) / 19200 for band in picture.split()], picture.getextrema(), picture.getbbox())
print("colors:", len(picture.getcolors(100_000)), picture.getpixel((100, 70)), ImageColor.getrgb("hsl(120, 50%, 40%)"), round(picture.entropy(), 6))

for name in ("PNG", "BMP", "GIF", "TIFF", "PPM", "TGA", "ICO", "PCX", "SGI", "DDS", "QOI"):
    file = io.BytesIO()
    try:
        picture.save(file, name)
    except OSError as error:
        print(name, error)
        continue
    file.seek(0)
    with Image.open(file) as again:
        again.load()
        same = again.size == picture.size and not ImageChops.difference(again.convert("RGB"), picture).getbbox()
        print(name, again.format, again.mode, "the same" if same else "another")
for name, options in (("JPEG", {"quality": 90}), ("WEBP", {"quality": 80}), ("AVIF", {"quality": 80}), ("JPEG2000", {"quality_layers": [20]})):
    file = io.BytesIO()
    picture.save(file, name, **options)
    again = Image.open(io.BytesIO(file.getvalue())).convert("RGB")
    show(name, again)
    difference = ImageStat.Stat(ImageChops.difference(again, picture)).mean
    print("   near:", max(difference) < 30, file.tell() < 19200)
for name, options in (("WEBP", {"lossless": True}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_adobe_deflate"})):
    file = io.BytesIO()
    picture.save(file, name, **options)
    show(f"{name} {options}", Image.open(io.BytesIO(file.getvalue())))

frames = [Image.new("P", (20, 20), i) for i in range(5)]
for frame in frames:
    frame.putpalette([value for i in range(256) for value in (i * 50 % 256, i * 90 % 256, i)])
file = io.BytesIO()
frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=40, loop=2)
animation = Image.open(io.BytesIO(file.getvalue()))
print("frames:", animation.n_frames, animation.info["duration"], [it.convert("RGB").getpixel((3, 3)) for it in ImageSequence.Iterator(animation)])
exif = Image.Exif()
exif[0x010E] = "a description"
file = io.BytesIO()
picture.save(file, "JPEG", exif=exif, dpi=(72, 72), comment=b"a comment")
again = Image.open(io.BytesIO(file.getvalue()))
print("exif:", dict(again.getexif()), again.info["dpi"], again.info["comment"])

raw = Image.frombytes("RGB", (2, 2), bytes(range(12)))
print(list(raw.tobytes()), Image.frombuffer("L", (3, 1), b"\x01\x02\x03", "raw", "L", 0, 1).getpixel((2, 0)))
pixels = raw.load()
pixels[0, 0] = (9, 8, 7)
print(pixels[0, 0], raw.crop((0, 0, 1, 1)).tobytes(), raw == raw.copy(), bytes(raw.__array_interface__["data"])[:3])
raw.paste((1, 2, 3), (1, 1, 2, 2))
print(raw.getpixel((1, 1)), ImagePalette.ImagePalette("RGB", [1, 2, 3]).getcolor((1, 2, 3)))
for action in (
    lambda: Image.open(io.BytesIO(b"no image")),
    lambda: Image.new("NOPE", (1, 1)),
    lambda: raw.getpixel((5, 5)),
    lambda: Image.new("L", (-1, 1)),
    lambda: Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"\x00" * 20)),
    lambda: picture.resize((0, 5)).resize((5, 5)),
    lambda: ImageChops.add(picture, gradient),
    lambda: Image.frombytes("RGB", (2, 2), b"short"),
    lambda: picture.save(io.BytesIO(), "NOPE"),
):
    try:
        action()
        print("no error")
    except (UnidentifiedImageError, OSError, ValueError, KeyError, IndexError, SyntaxError) as error:
        print(type(error).__name__, str(error).split(" <")[0][:70])
print(all(features.check(name) for name in ("jpg", "zlib", "webp", "freetype2", "littlecms2", "avif")), math.isclose(mask.entropy(), mask.copy().entropy()))
