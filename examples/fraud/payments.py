"""Draws card payments, honest and fraudulent, from a world that is made up and written down here.

    python payments.py 400 --seed 7 > payments.jsonl      one JSON object a line, as callers send them

Payments are independent of each other. Each has a category and a country, drawn by how common they are (`CATEGORIES`,
`COUNTRIES`); an amount, log-normal around what is usual in its category; an hour, more often in the day than at night; the
minutes since the card was used last, exponential with a mean of ten hours; and the distance from the payment before,
exponential with a mean of 8 km at home and 900 km abroad.

Which of them are fraud follows from a sum of reasons (`suspicion`), through the logistic function: about 4 %. Two of the
reasons need each other (a large amount soon after another payment; far away at night), which a model that adds up single
features cannot see. That is what a larger model is for.
"""

import argparse
import json

import numpy as np

# Name: how common, the usual amount, and how much more often it is fraud.
CATEGORIES = {
    "groceries": (0.34, 32.0, -0.8),
    "fuel": (0.14, 55.0, -0.4),
    "restaurant": (0.18, 41.0, -0.5),
    "travel": (0.08, 320.0, 0.3),
    "electronics": (0.10, 240.0, 0.9),
    "jewellery": (0.03, 480.0, 1.3),
    "gift cards": (0.05, 75.0, 1.6),
    "online": (0.08, 60.0, 0.6),
}
COUNTRIES = {
    "DE": (0.80, -0.4),
    "AT": (0.06, -0.1),
    "FR": (0.06, 0.1),
    "GB": (0.04, 0.4),
    "US": (0.03, 0.8),
    "XX": (0.01, 2.2),
}
HOME = "DE"
NUMBERS = ["amount", "hour", "minutes_since_last", "distance_km"]
TEXTS = ["category", "country"]
# So that about four payments in a hundred are fraud.
OFFSET = -5.0


def draw(count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns `count` payments as columns, and which of them are fraud."""
    dice = np.random.default_rng(seed)
    category = dice.choice(list(CATEGORIES), size=count, p=[common for common, _, _ in CATEGORIES.values()])
    country = dice.choice(list(COUNTRIES), size=count, p=[common for common, _ in COUNTRIES.values()])
    usual = np.array([CATEGORIES[name][1] for name in category])
    by_day = dice.normal(14.5, 4.5, size=count) % 24
    at_any_time = dice.uniform(0, 24, size=count)
    payments = {
        "amount": np.round(usual * dice.lognormal(0.0, 0.7, size=count), 2),
        "hour": np.floor(np.where(dice.random(count) < 0.9, by_day, at_any_time)),
        "minutes_since_last": np.round(dice.exponential(600.0, size=count), 1),
        "distance_km": np.round(dice.exponential(np.where(country == HOME, 8.0, 900.0)), 1),
        "category": category,
        "country": country,
    }
    fraud = dice.random(count) < 1 / (1 + np.exp(-suspicion(payments)))
    return payments, fraud.astype(np.int64)


def suspicion(payments: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the sum of what speaks for fraud: logarithms of odds."""
    amount, hour = payments["amount"], payments["hour"]
    night = (hour < 6).astype(float)
    soon = (payments["minutes_since_last"] < 60).astype(float)
    far = (payments["distance_km"] > 300).astype(float)
    large = (amount > 250).astype(float)
    return (
        OFFSET
        + np.array([CATEGORIES[name][2] for name in payments["category"]])
        + np.array([COUNTRIES[name][1] for name in payments["country"]])
        + 0.45 * np.log1p(amount / 50)
        + 0.3 * night
        + 0.6 * soon
        + 4.5 * large * soon
        + 4.0 * far * night
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description="Draws card payments, one JSON object a line.")
    arguments.add_argument("count", type=int)
    arguments.add_argument("--seed", type=int, default=7)
    given = arguments.parse_args()
    payments, _ = draw(given.count, given.seed)
    for row in zip(*(payments[name] for name in NUMBERS + TEXTS)):
        numbers = {name: float(value) for name, value in zip(NUMBERS, row)}
        print(json.dumps(numbers | dict(zip(TEXTS, map(str, row[len(NUMBERS) :])))))


if __name__ == "__main__":
    main()
