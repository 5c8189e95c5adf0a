"""Cases shared by the tests of the soak."""

from verify.soak.cases import Case, PlannedRun, Product
from weft import TINY

PLAIN = Case(
    TINY,
    (PlannedRun((Product(5, 9, 6, 1), Product(4, 4, 4, 2))), PlannedRun((Product(3, 8, 2, 3),))),
)


def products_of(case):
    return [product for run in case.runs for product in run.products]
