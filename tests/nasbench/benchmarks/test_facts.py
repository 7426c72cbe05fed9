"""What is said of a table."""

import json

from nasbench.benchmarks.facts import table_facts


def test_facts_can_be_written_as_json(toy):
    facts = json.loads(json.dumps(table_facts(toy.table)))
    assert facts["id"] == "toy@1"
    assert facts["runs"] == "14"
    assert facts["not recorded"] == "ask the author of the toy"
