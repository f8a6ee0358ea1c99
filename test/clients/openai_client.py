"""Embeds texts and an image with OpenAI's client; prints what came back as JSON.

    python openai_client.py http://127.0.0.1:8080/v1 coffee.jpg "a cup of coffee"
"""

import base64
import json
import sys
from pathlib import Path

from openai import NotFoundError, OpenAI

address, image, text = sys.argv[1:]
client = OpenAI(base_url=address, api_key="none")
url = "data:image/jpeg;base64," + base64.b64encode(Path(image).read_bytes()).decode()
texts = client.embeddings.create(model="all-MiniLM-L6-v2", input=[text, "a bicycle"])
images = client.embeddings.create(model="efficientnet-lite0", input=url)
try:
    client.embeddings.create(model="text-embedding-3-small", input=text)
    refused = None
except NotFoundError as error:
    refused = error.message

print(
    json.dumps(
        {
            "text": texts.data[0].embedding,
            "lengths": [len(texts.data[1].embedding), len(images.data[0].embedding)],
            "tokens": texts.usage.total_tokens,
            "refused": refused,
        }
    )
)
