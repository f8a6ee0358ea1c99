"""Makes the inputs of model.onnx from images and texts; config.json says how."""

import json
import math
import os
import re
import unicodedata

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))


class Preparation:
    """Call it with items such as {'image': 'photo.jpg', 'text': 'a text'}; it returns what the model is to be fed with."""

    def __init__(self, folder=HERE):
        self.folder = folder
        with open(os.path.join(folder, 'config.json'), encoding='utf-8') as file:
            self.config = json.load(file)
        self.encoders = [(encoder, MAKERS[encoder['modality']](encoder, folder)) for encoder in self.config['encoders']]
        self.companions = {
            modality: (companion['input'], Characters(os.path.join(folder, companion['file'])))
            for modality, companion in self.config['companions'].items()
        }

    def __call__(self, items):
        feeds = {}
        for encoder, make in self.encoders:
            made = make([item.get(encoder['modality']) for item in items])
            feeds.update({encoder['inputs'][name]: value for name, value in made.items()})
        for modality, (name, characters) in self.companions.items():
            feeds[name] = numpy.stack([characters(item.get(modality) or '') for item in items])
        for modality, name in self.config['presence'].items():
            feeds[name] = numpy.array([[item.get(modality) is not None] for item in items])
        return feeds


class Images:
    """Files, or images of Pillow, as pixels: [items, side, side, 3], uint8."""

    def __init__(self, encoder, _):
        self.settings = encoder['preprocessing']

    def __call__(self, images):
        side = self.settings['crop']
        black = numpy.zeros((side, side, 3), numpy.uint8)
        return {'pixels': numpy.stack([black if image is None else self.square(image) for image in images])}

    def square(self, image):
        from PIL import Image, ImageOps

        side, background = self.settings['crop'], self.settings['background']
        kernel = {'cubic': Image.BICUBIC, 'linear': Image.BILINEAR, 'lanczos3': Image.LANCZOS, 'nearest': Image.NEAREST}
        image = ImageOps.exif_transpose(Image.open(image) if isinstance(image, (str, os.PathLike)) else image)
        if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
            image = image.convert('RGBA')
            laid = Image.new('RGBA', image.size, background)
            laid.alpha_composite(image)
            image = laid
        width, height = self.scaled(*image.size)
        image = image.convert('RGB').resize((width, height), kernel[self.settings['kernel']])
        left, top = max(0, (width - side) // 2), max(0, (height - side) // 2)
        cut = image.crop((left, top, left + min(width, side), top + min(height, side)))
        square = Image.new('RGB', (side, side), background)
        square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
        return numpy.asarray(square)

    def scaled(self, width, height):
        short, fit = self.settings['shortSide'], self.settings.get('fit')
        if fit == 'squash':
            return short, short
        rounded = math.floor if self.settings.get('roundsDown') else lambda value: math.floor(value + 0.5)
        if fit == 'pad':
            ratio = short / max(width, height)
            return tuple(min(short, max(1, rounded(length * ratio))) for length in (width, height))
        ratio = short / min(width, height)
        return tuple(max(short, rounded(length * ratio)) for length in (width, height))


class Texts:
    """Texts as token ids: two of [items, tokens], int64."""

    def __init__(self, encoder, folder):
        from tokenizers import Tokenizer

        self.settings = encoder['preprocessing']
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, encoder['folder'], 'tokenizer.json'))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.settings['maximumTokens'])

    def __call__(self, texts):
        rows = [[] if text is None else self.tokenizer.encode(self.whole(text)).ids for text in texts]
        longest = self.settings['maximumTokens'] if self.settings.get('isFixedLength') else max(1, *map(len, rows))
        ids = numpy.full((len(rows), longest), self.settings.get('padding', 0), numpy.int64)
        mask = numpy.zeros((len(rows), longest), numpy.int64)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            # A text that is not there has one token that counts: a mean over none would be no number.
            mask[row, : max(1, len(tokens))] = 1
        return {'input_ids': ids, 'attention_mask': mask}

    def whole(self, text):
        return self.settings.get('prefix', '') + (text.lower() if self.settings.get('lowercase') else text)


MAKERS = {'image': Images, 'text': Texts}


class Characters:
    """Features of the characters of a text, beside an encoder's: hashed runs of two to five, projected."""

    BUCKETS, SHORTEST, LONGEST, MOST = 16384, 2, 5, 2048
    BLANKS = re.compile('[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+')

    def __init__(self, file):
        with open(file, 'rb') as opened:
            header = json.loads(opened.readline())
            known, dimension = header['buckets'], header['dimension']
            places = numpy.frombuffer(opened.read(2 * known), '<u2')
            scales = numpy.frombuffer(opened.read(4 * dimension), '<f4')
            self.mean = numpy.frombuffer(opened.read(4 * dimension), '<f4')
            steps = numpy.frombuffer(opened.read(known * dimension), 'i1').reshape(known, dimension)
        self.rows = dict(zip(places.tolist(), steps.astype(numpy.float32) * scales))

    def __call__(self, text):
        counts = {}
        codes = self.codes(text)
        for start in range(len(codes) - self.SHORTEST + 1):
            value = 0x811C9DC5
            for length, code in enumerate(codes[start : start + self.LONGEST], 1):
                value = (value ^ code) * 0x01000193 & 0xFFFFFFFF
                if length >= self.SHORTEST:
                    bucket = (value ^ value >> 15) & self.BUCKETS - 1
                    counts[bucket] = counts.get(bucket, 0) + 1
        weights = {bucket: 1 + math.log(count) for bucket, count in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1
        features = -self.mean
        for bucket, weight in weights.items():
            if bucket in self.rows:
                features = features + numpy.float32(weight / length) * self.rows[bucket]
        return features

    def codes(self, text):
        cut = text.encode('utf-16-le', 'surrogatepass')[: 2 * self.MOST].decode('utf-16-le', 'surrogatepass')
        plain = self.BLANKS.sub(' ', unicodedata.normalize('NFKC', cut).lower()).strip(' ')
        return memoryview(f' {plain} '.encode('utf-16-le', 'surrogatepass')).cast('H').tolist()
