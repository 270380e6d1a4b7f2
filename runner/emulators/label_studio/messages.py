"""The demo's support messages: written for this project, each with the team that should answer it.

The last four have no ground truth yet. Beyond them `messages(count)` composes as many more as are wanted, always the
same ones, about one in thirty with words that mislead.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

LABELS = ("billing", "shipping", "returns", "account", "other")

WRITTEN: tuple[tuple[str, str], ...] = (
    ("billing", "I was charged twice for order 48213, please cancel one of the payments."),
    ("shipping", "My parcel has been stuck in Leipzig for six days, where is it?"),
    ("returns", "The jacket is too small. How can I send it back?"),
    ("account", "I can't log in any more, the site says my password is wrong."),
    ("other", "Do you have a shop in Toronto where I can try the boots on?"),
    ("billing", "The invoice for March shows 19 % VAT but we are tax exempt."),
    ("shipping", "Tracking says delivered but there is nothing at my door."),
    ("returns", "I want to return the blender, it leaks after two days of use."),
    ("account", "Please change the email of my profile to m.santos@example.org."),
    ("other", "Is the oak table also available in walnut?"),
    ("billing", "Why is there a second charge of $39.90 on my credit card this month?"),
    ("shipping", "Can the courier leave the box with my neighbour at number 14?"),
    ("returns", "You sent me the blue one instead of the green one, I would like an exchange."),
    ("account", "How do I delete my profile and everything you know about me?"),
    ("other", "Your new catalogue is lovely, compliments to the photographer!"),
    ("billing", "My payment was declined three times although the card works elsewhere."),
    ("shipping", "Delivery was promised for Tuesday, it is Friday now."),
    ("returns", "The mug arrived broken, I'd like a replacement."),
    ("account", "The reset link for my password has expired again."),
    ("other", "Do the headphones work with a 2015 television?"),
    ("billing", "Please send the receipt for order 51777 to accounting@example.com."),
    ("shipping", "Do you also ship to Iceland, and how long does it take?"),
    ("returns", "Return label is missing in the box, how do I get a new one?"),
    ("account", "Two-factor codes never reach my phone, so I am locked out."),
    ("other", "Are you hiring for the summer? I would love to work with you."),
    ("billing", "I cancelled in May but the subscription fee was taken again in June."),
    ("shipping", "The carrier lost my package, they confirmed it by phone."),
    ("returns", "I sent the shoes back two weeks ago and have not got my money yet: RMA 2291."),
    ("account", "My username shows my old surname, can you update it?"),
    ("other", "Which of the two tents is better for heavy rain?"),
    ("billing", "The coupon SPRING10 was not deducted from the bill."),
    ("shipping", "I gave the wrong street, can you change the delivery address of 50931?"),
    ("returns", "The lamp flickers. Is that covered by warranty, can I swap it?"),
    ("account", "Someone signed in from Peru, please block my login at once."),
    ("other", "Could you donate a voucher for our school raffle?"),
    ("billing", "Can I pay by bank transfer instead of card?"),
    ("shipping", "Only one of the two boxes came, when does the second one arrive?"),
    ("returns", "The curtains are not as described, I'd rather send them back."),
    ("account", "I have two profiles with the same email, please merge them."),
    ("other", "What is the weight of the folding bike?"),
    ("billing", "The bill says 240 euros, the offer said 204."),
    ("shipping", "Express shipping was 12 dollars and it still took nine days, where is my courier?"),
    ("returns", "How many days do I have to return a Christmas gift?"),
    ("account", "Please unsubscribe my email from all newsletters in my profile settings."),
    ("other", "Is the wool of these socks free of mulesing?"),
    ("billing", "An amount of 4.99 was debited and I do not know what for."),
    ("shipping", "The tracking number 1Z999 does not exist according to the carrier."),
    ("returns", "Wrong size again, second exchange please."),
    ("account", "The app signs me out every hour, I have to log in again each time."),
    ("other", "May we use your logo in our travel blog?"),
    ("billing", "Please put our company's name on the invoice."),
    ("shipping", "Customs holds my parcel and wants a document from you."),
    ("returns", "The zip of the tent is defective, I would like to swap it for a new one."),
    ("account", "Where can I switch my profile to a business customer?"),
    ("other", "Does the kettle switch itself off?"),
    ("shipping", "The driver rang at the wrong house; please deliver once more."),
    ("billing", "Refund and payment and parcel, everything is wrong with this order!"),
    ("other", "asdf test"),
    ("returns", "It is simply not what I hoped for."),
    ("account", "Hello? Is anybody there?"),
)
WITHOUT_TRUTH = 4

OPENERS = ("Hello,", "Good morning.", "Hi team,", "Second message:", "Dear support,", "Urgent!", "Hi,", "Please help:")
DETAILS: dict[str, tuple[str, ...]] = {
    "billing": (
        "the invoice for order {n} is wrong", "I was charged twice for order {n}",
        "my payment for {n} was declined", "I need the receipt of order {n}",
        "the bill for {n} has a wrong VAT number", "the coupon was not deducted from order {n}",
    ),
    "shipping": (
        "where is my parcel {n}", "the tracking of {n} has not moved for a week",
        "the courier never rang for delivery {n}", "the carrier lost package {n}",
        "please change the delivery address of {n}", "customs wants papers for parcel {n}",
    ),
    "returns": (
        "I want to return order {n}", "how do I send back item {n}", "item {n} arrived broken",
        "I'd like an exchange for {n}, wrong size", "the return label of {n} is missing",
        "item {n} is defective, can I swap it",
    ),
    "account": (
        "I cannot log in since ticket {n}", "the password reset of ticket {n} did not work",
        "please delete my profile, customer {n}", "my username in ticket {n} is misspelled",
        "I am locked out, customer number {n}", "please change the email of customer {n}",
    ),
    "other": (
        "is article {n} made of wool", "does article {n} fit a small kitchen", "do you have article {n} in walnut",
        "what is the weight of article {n}", "which lamp suits article {n}", "I love article {n}, thank you",
    ),
}  # fmt: skip
MISLEADING: dict[str, str] = {
    "billing": "you took the money again, {n} is not what we agreed",
    "shipping": "nothing has come yet, {n} is late",
    "returns": "I paid for {n} and it does nothing, take it away",
    "account": "your page does not know me any more, customer {n}",
    "other": "I love how fast the courier brought {n}",
}


def messages(count: int) -> Iterator[tuple[str, str, bool]]:
    """Give label, text and whether its ground truth is known; the same `count` gives the same messages."""
    known = len(WRITTEN) - WITHOUT_TRUTH
    for place, (label, text) in enumerate(WRITTEN[:count]):
        yield label, text, place < known
    dice = random.Random(20261121)
    for place in range(len(WRITTEN), count):
        label = dice.choice(LABELS)
        detail = MISLEADING[label] if dice.random() < 1 / 30 else dice.choice(DETAILS[label])
        number = dice.randrange(10_000, 100_000)
        yield label, f"{dice.choice(OPENERS)} {detail.format(n=number)}.", place % 10 != 0
