"""No receipt number twice within (terminal, series), and none left out, among all sales that were ever durable (RULES J6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class ReceiptNumbersUnique(Oracle):
    """Judges by the ledger, so a number that only a lost write carried may be given again."""

    name = "anytime_receipt_numbers_unique"

    def __init__(self) -> None:
        self._seen = 0
        self._numbers: dict[tuple[str, str], set[int]] = {}

    def look(self, history: History) -> None:
        sales = history.ledger.sales
        for sold in sales[self._seen :]:
            receipt = sold.sale.receipt
            numbers = self._numbers.setdefault((receipt.terminal, receipt.series), set())
            if receipt.number in numbers:
                self.fail(history, f"{receipt.text} was given twice")
            numbers.add(receipt.number)
        self._seen = len(sales)
        for (terminal, series), numbers in self._numbers.items():
            if len(numbers) != max(numbers, default=0):
                self.fail(history, f"{terminal}/{series} has a gap below {max(numbers)}")
