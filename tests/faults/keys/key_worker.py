"""Does one kind of thing to a key store until it is killed, and notes what was answered.

Run with FOLDER, NAME, ACT and FAILPOINTS as globals.
"""

import itertools
import os
from pathlib import Path

from a360.protect import LocalKeyStore

told_of: dict = dict(globals())
folder, name, act = Path(told_of["FOLDER"]), told_of["NAME"], told_of["ACT"]
os.environ["A360_FAILPOINTS"] = told_of["FAILPOINTS"]
store = LocalKeyStore.open(folder)
with (folder.parent / f"{name}.told").open("a") as told:

    def tell(*words):
        told.write(" ".join(words) + "\n")
        told.flush()

    tell("begun")
    for turn in itertools.count():
        if act == "rotate":
            store.rotate()
            tell("rotated")
            continue
        made = store.create_data_keys((1, 3, 900)[turn % 3])
        for key_id, key in made[:3]:
            tell("created", key_id, key.hex())
        if act == "destroy":
            tell("destroying", made[0][0])
            store.destroy(made[0][0])
            tell("destroyed", made[0][0])
