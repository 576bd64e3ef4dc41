"""Whether digits can be what they look like: check digits, areas that are given, addresses that parse."""

# ruff: noqa: PLR2004 -- the lengths and digits that the schemes lay down

import ipaddress
import re
from datetime import UTC, date, datetime


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(each), 10)) for each in even)) % 10 == 0


def is_npi(digits: str) -> bool:
    """Whether ten digits are a National Provider Identifier: Luhn, after the prefix 80840."""
    return len(digits) == 10 and digits[0] in "12" and luhn(f"80840{digits}")


def is_ssn(text: str) -> bool:
    """Whether nine digits can be somebody's: no area 000, 666 or 9xx, no zeros as group or serial."""
    digits = digits_of(text)
    area = digits[:3]
    return (
        len(digits) == 9
        and area not in ("000", "666")
        and area[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def is_dea(text: str) -> bool:
    """Whether the last digit of a DEA registration checks the six before it."""
    digits = [int(each) for each in text[2:]]
    return (sum(digits[0:5:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_vin(text: str) -> bool:
    """Whether the ninth character of a vehicle's number checks the others (49 CFR 565.15)."""
    worth = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    values = [worth.get(each, int(each) if each.isdigit() else 0) for each in text.upper()]
    rest = sum(weight * value for weight, value in zip(weights, values, strict=True)) % 11
    return text[8].upper() == ("X" if rest == 10 else str(rest))


def is_phone(text: str) -> bool:
    """Whether ten digits can be a number of the North American plan: area and exchange begin with 2 to 9."""
    digits = digits_of(text)
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return len(digits) == 10 and digits[0] in "23456789" and digits[3] in "23456789"


def is_card(text: str) -> bool:
    """Whether 13 to 19 digits pass the check of cards."""
    digits = digits_of(text)
    return 13 <= len(digits) <= 19 and luhn(digits)


def is_iban(text: str) -> bool:
    """Whether a number of an account leaves 1 by 97 (ISO 13616)."""
    solid = re.sub(r"\s", "", text).upper()
    turned = solid[4:] + solid[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def is_ip(text: str) -> bool:
    """Whether an address of the network parses."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_code(text: str) -> bool:
    """Whether enough of a word is digits: four, or three among letters."""
    digits = len(digits_of(text))
    return digits >= 4 or (digits == 3 and text.isupper())


def today() -> date:
    """The day it is, by which ages are told."""
    return datetime.now(UTC).date()


def digits_of(text: str) -> str:
    """The digits of a number, whatever separates them."""
    return re.sub(r"\D", "", text)
