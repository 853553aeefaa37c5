"""A made task on chemical reactions, for the model of rxnfp: is this the product of these reactants?

    pip install rdkit
    python benchmarks/real/reactions.py out/real/reactions [--train 1000] [--dev 500] [--text 600]

The reactions are five textbook ones between the small molecules below, carried out by RDKit and written in its canonical
SMILES, as the texts of rxnfp's pre-training were. Half of the examples (label ``product``) are so. In the other half
(``other``) the product is that of the same reaction with one of its two reactants replaced by another of its kind, so that
no side of an example tells the label alone. Every pair of reactants stands in one part only: train.csv, dev.csv (columns
``reaction``, ``label``), or text.txt, which has true reactions for measuring what was forgotten. It is a task
made to be told from its halves, not a benchmark of chemistry.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

MOLECULES = {
    "acid": "CC(=O)O CCC(=O)O CC(C)C(=O)O OC(=O)C1CC1 OC(=O)C1CCCCC1 OC(=O)c1ccccc1 Cc1ccc(C(=O)O)cc1 "
    "COc1ccc(C(=O)O)cc1 OC(=O)c1ccc(F)cc1 OC(=O)c1ccc(Cl)cc1 OC(=O)c1cccnc1 OC(=O)c1ccco1 OC(=O)c1cccs1 "
    "OC(=O)Cc1ccccc1 OC(=O)c1ccc2ccccc2c1 OC(=O)c1ccc(C(F)(F)F)cc1 OC(=O)C1CCOCC1 OC(=O)c1ccc(C#N)cc1 "
    "CCCC(=O)O OC(=O)C1CCC1 OC(=O)c1ccccc1F OC(=O)c1ccccc1Cl Cc1ccccc1C(=O)O OC(=O)c1ccncc1 OC(=O)c1cnccn1 "
    "OC(=O)c1ccc(Br)cc1 OC(=O)CCc1ccccc1 COCC(=O)O",
    "amine": "CN CCN CC(C)N NC1CC1 NC1CCCCC1 Nc1ccccc1 Cc1ccc(N)cc1 COc1ccc(N)cc1 Nc1ccc(F)cc1 Nc1ccc(Cl)cc1 "
    "Nc1cccnc1 NCc1ccccc1 NCc1ccco1 NCc1ccncc1 NCCc1ccccc1 NCCOC NC1CCOCC1 Nc1ccc(C#N)cc1 CCCN NC1CCC1 "
    "NC1CCCC1 Nc1ccccc1F Nc1cccc(Cl)c1 Cc1ccccc1N NCc1ccc(F)cc1 COc1ccc(CN)cc1 NCC1CC1 Nc1ccncc1",
    "alcohol": "CO CCO CCCO CC(C)O OCC1CC1 OC1CCCCC1 OCc1ccccc1 OCc1ccncc1 OCCc1ccccc1 OCCOC OC1CCOCC1 OCC(F)(F)F "
    "CCCCO OC1CCCC1 COc1ccc(CO)cc1 OCc1ccc(F)cc1",
    "aryl bromide": "Brc1ccccc1 Cc1ccc(Br)cc1 COc1ccc(Br)cc1 Fc1ccc(Br)cc1 Clc1ccc(Br)cc1 N#Cc1ccc(Br)cc1 Brc1cccnc1 "
    "Brc1ccncc1 Brc1cccs1 O=Cc1ccc(Br)cc1 CC(=O)c1ccc(Br)cc1 Brc1ccc2ccccc2c1 FC(F)(F)c1ccc(Br)cc1 "
    "COC(=O)c1ccc(Br)cc1 Brc1cncnc1 Cc1ccccc1Br Fc1ccccc1Br COc1cccc(Br)c1 Brc1ccccn1 Brc1ccsc1",
    "boronic acid": "OB(O)c1ccccc1 Cc1ccc(B(O)O)cc1 COc1ccc(B(O)O)cc1 OB(O)c1ccc(F)cc1 OB(O)c1ccc(Cl)cc1 "
    "OB(O)c1cccnc1 OB(O)c1cccs1 OB(O)c1ccco1 OB(O)c1ccc2ccccc2c1 OB(O)c1ccc(C(F)(F)F)cc1 "
    "OB(O)c1ccccc1F OB(O)c1cccc(C#N)c1 Cc1ccccc1B(O)O COc1cccc(B(O)O)c1 OB(O)c1ccncc1 OB(O)c1ccsc1",
    "sulfonyl chloride": "CS(=O)(=O)Cl CCS(=O)(=O)Cl O=S(=O)(Cl)C1CC1 O=S(=O)(Cl)c1ccccc1 Cc1ccc(S(=O)(=O)Cl)cc1 "
    "COc1ccc(S(=O)(=O)Cl)cc1 O=S(=O)(Cl)c1ccc(F)cc1 O=S(=O)(Cl)c1cccs1 O=S(=O)(Cl)Cc1ccccc1 "
    "O=S(=O)(Cl)c1cccnc1 O=S(=O)(Cl)c1ccc(Cl)cc1 N#Cc1ccc(S(=O)(=O)Cl)cc1 O=S(=O)(Cl)c1ccccc1F "
    "CCCS(=O)(=O)Cl",
    "phenol": "Oc1ccccc1 Cc1ccc(O)cc1 COc1ccc(O)cc1 Oc1ccc(F)cc1 Oc1ccc(Cl)cc1 N#Cc1ccc(O)cc1 Oc1cccnc1 "
    "Oc1ccc2ccccc2c1 O=Cc1ccc(O)cc1 Cc1ccccc1O COc1cccc(O)c1 Oc1ccccc1F Oc1ccc(Br)cc1 COC(=O)c1ccc(O)cc1",
    "alkyl bromide": "CBr CCBr CCCBr CC(C)Br BrCC1CC1 BrCc1ccccc1 COc1ccc(CBr)cc1 BrCc1ccc(F)cc1 BrCCc1ccccc1 COCCBr "
    "N#CCBr CCCCBr BrCc1ccncc1 CCOC(=O)CBr",
}
"""What is combined, in SMILES."""

REACTIONS = (
    ("[C:1](=[O:2])[OX2H1].[NX3;H2:3]>>[C:1](=[O:2])[N:3]", "acid", "amine"),
    ("[C:1](=[O:2])[OX2H1].[OX2H1:3][CX4:4]>>[C:1](=[O:2])[O:3][C:4]", "acid", "alcohol"),
    ("[c:1]Br.[c:2]B(O)O>>[c:1]-[c:2]", "aryl bromide", "boronic acid"),
    ("[S:1](=[O:2])(=[O:3])Cl.[NX3;H2:4]>>[S:1](=[O:2])(=[O:3])[N:4]", "sulfonyl chloride", "amine"),
    ("[c:1][OX2H1:2].[CX4:3]Br>>[c:1][O:2][C:3]", "phenol", "alkyl bromide"),
)
"""Amide, ester, Suzuki coupling, sulfonamide, ether: as SMARTS, with the kinds of molecules on either side of the dot."""


class Reaction(NamedTuple):
    """A reaction in SMILES, and the same with the product of a reaction in which one reactant is another."""

    true: str
    others: tuple[str, ...]


def every_reaction() -> list[Reaction]:
    """All reactions between the molecules, in a fixed order; those that do not give one single product are left out."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    def carry_out(smarts: str) -> Callable[[str, str], str | None]:
        reaction = AllChem.ReactionFromSmarts(smarts)

        def product(first: str, second: str) -> str | None:
            found = reaction.RunReactants((Chem.MolFromSmiles(first), Chem.MolFromSmiles(second)))
            molecules = [molecule for (molecule,) in found]
            for molecule in molecules:
                Chem.SanitizeMol(molecule)
            names = {Chem.MolToSmiles(molecule) for molecule in molecules}
            return names.pop() if len(names) == 1 else None

        return product

    canonical = {kind: [Chem.CanonSmiles(each) for each in listed.split()] for kind, listed in MOLECULES.items()}
    return [
        reaction
        for smarts, first, second in REACTIONS
        for reaction in combined(canonical[first], canonical[second], carry_out(smarts))
    ]


def combined(firsts: list[str], seconds: list[str], product: Callable[[str, str], str | None]) -> Iterator[Reaction]:
    """Every first molecule with every second."""
    table = {(first, second): made for first in firsts for second in seconds if (made := product(first, second))}
    for (first, second), made in table.items():
        near = [(each, second) for each in firsts if each != first] + [
            (first, each) for each in seconds if each != second
        ]
        reactants = ".".join(sorted((first, second)))
        others = tuple(f"{reactants}>>{table[pair]}" for pair in near if table.get(pair, made) != made)
        yield Reaction(f"{reactants}>>{made}", others)


def examples(reactions: list[Reaction], rng: random.Random) -> list[tuple[str, str]]:
    """Half of the reactions as they are, half with another product, shuffled; each with its label."""
    rows = [
        (reaction.true, "product") if index % 2 == 0 else (rng.choice(reaction.others), "other")
        for index, reaction in enumerate(reactions)
    ]
    rng.shuffle(rows)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for part, size in (("train", 1000), ("dev", 500), ("text", 600)):
        parser.add_argument(f"--{part}", type=int, default=size)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, reactions = random.Random(given.seed), every_reaction()
    rng.shuffle(reactions)
    wanted = given.train + given.dev + given.text
    if wanted > len(reactions):
        raise SystemExit(f"there are {len(reactions)} reactions, and {wanted} are asked for")
    given.folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for part in ("train", "dev"):
        rows = examples(reactions[start : start + getattr(given, part)], rng)
        start += len(rows)
        with (given.folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("reaction", "label"), *rows])
    lines = [f"{each.true}\n" for each in reactions[start : start + given.text]]
    (given.folder / "text.txt").write_text("".join(lines), encoding="utf-8")
    print(f"{given.folder}: {given.train} + {given.dev} examples and {len(lines)} lines, of {len(reactions)} reactions")


if __name__ == "__main__":
    main()
