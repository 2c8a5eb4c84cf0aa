"""Hugging Face's Python client, unchanged, against a running server; prints what it parsed.

    pip install huggingface_hub numpy          (numpy: its embeddings are arrays)
    npm start                                  (in another terminal)
    python3 test/clients/huggingface_hub_check.py http://localhost:8787

Every call below raises when the client cannot parse the answer, and every check exits with status 1.
Optional: --key KEY for a server that asks for one, --sequence TASK, --token TASK.
"""
import argparse
import math

from huggingface_hub import InferenceClient, __version__
from huggingface_hub.errors import HfHubHTTPError

TEXT = "Angela Merkel visited Paris with \U0001F600 friends"

parser = argparse.ArgumentParser()
parser.add_argument("url", help="origin of the server")
parser.add_argument("--key")
parser.add_argument("--sequence", default="sentiment", help="a text classification task")
parser.add_argument("--token", default="entities", help="a token classification task")
args = parser.parse_args()


def client(path):
    return InferenceClient(model=f"{args.url.rstrip('/')}{path}", token=args.key)


def check(what, is_so):
    print(f"{'ok' if is_so else 'WRONG':6}{what}")
    if not is_so:
        raise SystemExit(1)


sequence = client(f"/v1/tasks/{args.sequence}/predict")
labels = sequence.text_classification("a gripping, beautifully acted film")
print(labels)
check("labels come best first", [x.score for x in labels] == sorted((x.score for x in labels), reverse=True))
check("probabilities sum to one", math.isclose(sum(x.score for x in labels), 1, abs_tol=1e-6))
best = sequence.text_classification("a gripping, beautifully acted film", top_k=1)
check("top_k=1 gives the best", best == labels[:1])
raw = sequence.text_classification("a gripping, beautifully acted film", function_to_apply="none")
check("function_to_apply=none keeps the order", [x.label for x in raw] == [x.label for x in labels])

token = client(f"/v1/tasks/{args.token}/predict")
for strategy in ("simple", "first", "average", "max"):
    entities = token.token_classification(TEXT, aggregation_strategy=strategy)
    check(f"{strategy}: offsets cut {[x.word for x in entities]} out of the text", all(TEXT[x.start : x.end] == x.word for x in entities))
everything = token.token_classification(TEXT, ignore_labels=[], stride=8)
check("ignore_labels=[] gives the rest too", len(everything) > len(entities))
pieces = token.token_classification(TEXT, aggregation_strategy="none", ignore_labels=[])
check("strategy none gives pieces", len(pieces) > len(everything) and pieces[0].entity is not None)

vectors = client("/v1/embed").feature_extraction(TEXT)
check(f"an embedding is a matrix {vectors.shape} of length 1", vectors.shape[0] == 1 and math.isclose(float((vectors**2).sum()), 1, abs_tol=1e-5))
plain = client("/v1/embed").feature_extraction(TEXT, normalize=False, truncate=True)
check("normalize=False and truncate=True are understood", plain.shape == vectors.shape)

near = client("/v1/similarity").sentence_similarity(TEXT, other_sentences=[TEXT, "interest rates were raised"])
check("a sentence is nearest to itself", len(near) == 2 and near[0] > near[1])
chosen = client("/v1/zero-shot").zero_shot_classification("The striker scored twice.", candidate_labels=["business", "sports"])
check(f"zero-shot labels come best first {[x.label for x in chosen]}", chosen[0].label == "sports")
apart = client("/v1/zero-shot").zero_shot_classification("The striker scored twice.", candidate_labels=["business", "sports"], multi_label=True, hypothesis_template="It is {}.")
check("multi_label and hypothesis_template are understood", len(apart) == 2)

try:
    client("/v1/tasks/no-such-task/predict").text_classification("a")
    check("an unknown task raises", False)
except HfHubHTTPError as error:
    check("an unknown task raises with status 404", error.response.status_code == 404)
    check("the client shows why", "does not exist" in str(error))
print(f"huggingface_hub {__version__}: all calls parsed")
