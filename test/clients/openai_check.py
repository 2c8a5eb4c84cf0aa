"""OpenAI's Python client, unchanged, against a running server; prints what it parsed.

    pip install openai
    npm start                                  (in another terminal)
    python3 test/clients/openai_check.py http://localhost:8787

Every call below raises when the client cannot parse the answer, and every check exits with status 1.
Optional: --key KEY for a server that asks for one, --base NAME, --task TASK.
"""
import argparse
import math

from openai import BadRequestError, NotFoundError, OpenAI, __version__

TEXTS = ["a gripping, beautifully acted film", "interest rates were raised"]

parser = argparse.ArgumentParser()
parser.add_argument("url", help="origin of the server")
parser.add_argument("--key", default="none")
parser.add_argument("--base", default="pocket", help="the base that is served")
parser.add_argument("--task", default="sentiment", help="any task")
args = parser.parse_args()

client = OpenAI(base_url=f"{args.url.rstrip('/')}/v1", api_key=args.key, max_retries=0)


def check(what, is_so):
    print(f"{'ok' if is_so else 'WRONG':6}{what}")
    if not is_so:
        raise SystemExit(1)


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    check(f"{kind.__name__} is raised", False)


# The client asks for base64 by itself and decodes it.
answer = client.embeddings.create(model=args.base, input=TEXTS)
vectors = [item.embedding for item in answer.data]
check(f"{len(vectors)} embeddings of {len(vectors[0])} numbers", len(vectors) == len(TEXTS))
check("an embedding has length 1", math.isclose(sum(x * x for x in vectors[0]), 1, abs_tol=1e-5))
check(f"tokens are counted: {answer.usage.total_tokens}", answer.usage.total_tokens > 0)
floats = client.embeddings.create(model=args.base, input=TEXTS[0], encoding_format="float")
check("floats are the same numbers", all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(floats.data[0].embedding, vectors[0])))
full = client.embeddings.create(model=args.base, input=TEXTS[0], dimensions=len(vectors[0]))
check("the base's own dimensions are taken", len(full.data[0].embedding) == len(vectors[0]))

error = refused(BadRequestError, lambda: client.embeddings.create(model=args.base, input=TEXTS[0], dimensions=7))
check(f"other dimensions are refused: {error}", error.param == "dimensions")
error = refused(BadRequestError, lambda: client.embeddings.create(model=args.base, input=[1, 2, 3]))
check(f"token ids are refused: {error}", error.code == "token-ids-refused")
error = refused(NotFoundError, lambda: client.embeddings.create(model="no-such-base", input="a"))
check(f"an unknown base is not found: {error}", error.code == "model-not-found")

names = [model.id for model in client.models.list()]
check(f"models are listed: {names}", names[0] == args.base and args.task in names)
check("one model is shown", client.models.retrieve(args.task).id == args.task)
error = refused(NotFoundError, lambda: client.models.retrieve("no-such-model"))
check("an unknown model is not found", error.status_code == 404)
print(f"openai {__version__}: all calls parsed")
