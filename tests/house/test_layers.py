# SPDX-License-Identifier: Apache-2.0
"""The lint must be able to fail."""
import importlib.util
from pathlib import Path

spec = importlib.util.spec_from_file_location("check_layers", Path(__file__).parents[2] / "tools" / "check_layers.py")
lint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lint)


def findings(path, text):
    return list(lint.check_includes(Path(path), text)) + list(lint.check_shape(Path(path), text))


SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def test_an_include_of_a_later_room_is_found():
    assert any("table" in f for f in findings("src/index/a.cc", SPDX + '#include "table/writer.h"\n'))
    assert any("later" in f or "may not" in f
               for f in findings("src/format/a.cc", SPDX + '#include "tarn/catalog.h"\n'))


def test_an_adapter_may_not_look_inside_a_room():
    assert findings("src/cli/a.cc", SPDX + '#include "index/vector_index.h"\n')
    assert not findings("src/cli/a.cc", SPDX + '#include "tarn/search_session.h"\n')


def test_earlier_rooms_and_system_headers_are_fine():
    text = SPDX + '#include <vector>\n#include "base/bytes.h"\n#include "kernels/distance.h"\n#include "arrow/api.h"\n'
    assert not findings("src/index/a.cc", text)


def test_long_files_and_unfinished_work_are_found():
    assert findings("src/base/a.cc", SPDX + "\n" * 700)
    assert findings("src/base/a.cc", SPDX + "// TO" + "DO: later\n")
    assert findings("src/base/a.cc", "int x;\n")
