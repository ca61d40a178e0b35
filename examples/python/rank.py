"""How good a wine a bottle holds, by rules that somebody wrote down: what `policy.yaml` beside it asks.

Any function from a dict to a dict will do. `score_batch` is there only because several bottles at once may be told
faster than one by one; leave it out where that is not so.
"""

WEIGHTS = {}


def load():
    """Called once in each worker, before the first bottle: the place to read a model."""
    WEIGHTS.update(alcohol=0.31, sulphates=0.94, volatile_acidity=-1.09)
    print("weights are read")  # what is printed goes to hedgerow's log


def score(wine: dict) -> dict:
    quality = 2.2 + sum(weight * wine[name] for name, weight in WEIGHTS.items())
    return {"class": "fine" if quality > 5.5 else "plain", "quality": round(quality, 2)}


def score_batch(wines: list) -> list:
    return [score(wine) for wine in wines]
