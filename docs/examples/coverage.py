"""How many of the reports that were owed came in, by mechanism, with pandas.

PORTAL and TOKEN come from the environment.
"""

import io
import os
from urllib.request import Request, urlopen

import pandas

address = f"{os.environ['PORTAL']}/api/v1/indicator-values/"
query = "?indicator=report_coverage&format=csv"
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
with urlopen(Request(address + query, headers=headers)) as answer:
    text = answer.read().decode()

values = pandas.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
# The last line says how many rows there are: a file that was cut off has none.
assert values.iloc[-1, 0] == "Rows" and int(values.iloc[-1, 1]) == len(values) - 1
values = values.iloc[:-1].astype({"value": float, "n": int, "year": int})
# Beside those of each mechanism stands the value of all together; it names none.
print(values.pivot_table(index="iscm", columns="year", values="value"))
