"""Chinese for every word: a message that is written on the beginner's path has its translation, or fails here."""

import ast
import json
import pathlib
import re

import pytest

import autograd_mini as am
from autograd_mini import Value, check_derivation, derive, exp, ln
from autograd_mini.cli import main
from autograd_mini.render._course import LINES
from autograd_mini.render._words import stored, translated

PACKAGE = pathlib.Path(am.__file__).parent
RAISED = {"InputError", "DataError", "ExpressionError", "_reject", "ArgumentTypeError", "Line"}
PATH = ["_core/expression.py", "cli/__init__.py", "cli/_arguments.py", "cli/_expressions.py", "cli/_explaining.py",
        "cli/_practising.py", "cli/_logistic.py", "models/_dataset.py", "explain/_lines.py"]
INSIDE = re.compile(r"⟦\d+⟧|--[a-z-]+|utf-\d+|gbk|"
                    r"'[^']*'|[xe]\w*\([^)]*\)|\b(float64|Python|if|else|and|or|not|lambda|abs|log10|ln|log|floor|"
                    r"exp|graph|svg|show|domain|condition|help|autograd|mini|NAME|EXPR)\b")


def template(node):
    """A text as it is written, with a mark in the place of each thing put in; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else f"⟦{i}⟧" for i, part in enumerate(node.values))
    return None


def messages():
    for name in PATH:
        for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).split(".")[-1] in RAISED:
                written = template(node.args[0])
                if written and re.search("[a-z]{3}", re.sub("⟦.*?⟧", "", written)):
                    yield pytest.param(written, id=f"{name}:{node.lineno}")


@pytest.mark.parametrize("message", list(messages()))
def test_every_message_on_the_path_is_there_in_chinese(message):
    chinese = translated(message, "zh")
    assert re.search("[\u4e00-\u9fff]", chinese), message
    assert not re.search("[a-z]{3}", INSIDE.sub("", chinese)), chinese
    taken_over = set(re.findall(r"(?<![a-z])⟦\d+⟧", message))  # what is written on a word's end is its plural
    assert taken_over <= set(re.findall(r"⟦\d+⟧", chinese)), chinese


def test_the_language_says_all_its_refusals():
    from autograd_mini._core import expression

    for message in [*expression._OUTSIDE.values(), expression._UNKNOWN]:
        assert translated(message, "zh") != message


def test_the_course_and_the_slips_are_there_in_chinese():
    for line in LINES.strip().splitlines():
        assert translated(line.split("|")[0].strip(), "zh") != line.split("|")[0].strip()
    z, y = Value(0.5, "z"), Value(1.0, "y")
    a = 1 / (1 + exp(-z))
    L = -y*ln(a) - (1 - y)*ln(1 - a)
    a.name, L.name = "a", "L"
    claims = [{"a": "-y/a"}, {"z": "y - a"}, {"z": "a"}, {"z": "2*(a - y)"}, {a: "-y/a + (1 - y)/(1 - a)", z: "a + y"}]
    for claim in claims:
        told = check_derivation(L, claim).text("zh")
        assert not re.search(r"\b(wrong|missing|holds?|should|factor|term|sign|cases?)\b", told), told
    steps = derive(L, [z], steps=True)
    assert "链式法则：外层 1/u，内层 u = 1 + exp(-z)" in steps.text(language="zh")
    assert "a*y 抵消" in steps.text(language="zh") and "cancels" in steps.text()


@pytest.mark.parametrize("command, told", [
    (["grad", "2x", "x=1"], "乘号不能省略：请写 2*x"),
    (["grad", "x*y", "x=1"], "表达式中的 'y' 没有数值：请加上 y=1.5"),
    (["check", "x"], "缺少参数：--claim（见 autograd-mini check --help）"), (["derive"], "缺少表达式"),
    (["derive", "x*y", "--wrt", "q"], "没有名为 'q' 的节点：有 x, y"), (["practise", "3"], "没有可求导的变量"),
    (["practise", "x*x", "--wrt", "q"], "没有名为 'q' 的节点：有 x"),
    (["grad", "lg(x)", "x=2"], "以 10 为底的对数请写 log10(x)"), (["draw", "x*x", "x=1"], "请说明图存到哪里"),
    (["grad", "x", "--nonsense"], "无法识别的参数：--nonsense")])
def test_errors_of_the_command_line_in_chinese(command, told, capsys):
    assert main([*command, "--lang", "zh"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("autograd-mini：错误：") and told in said and "error" not in said


def test_tables_of_the_command_line_in_chinese(capsys):
    assert main(["grad", "权重*输入", "权重=2", "输入=3", "--lang=zh"]) == 0
    printed = capsys.readouterr().out
    assert "变量  取值  梯度" in printed and "权重   2.0   3.0" in printed
    assert main(["check", "x**2", "--claim", "x=x", "--lang", "zh"]) == 1
    printed = capsys.readouterr().out
    assert "不成立" in printed and "第一个错误的步骤是" in printed and "wrong" not in printed
    assert main(["derive", "z = 权重*输入; z**2", "--lang", "zh"]) == 0
    columns = {len(line.split("=")[0].encode("gbk")) for line in capsys.readouterr().out.splitlines() if line}
    assert len(columns) == 1  # a Chinese character is two columns wide, and two bytes in GBK


def test_the_worked_example_in_chinese(capsys, tmp_path):
    assert main(["logistic", "--steps", "2", "--features", "all", "--lang", "zh", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "全部 427 行训练数据，最后一步之后" in printed and "闭式解" in printed and "另有 24 个特征" in printed
    english = "step cost rows row held features weights training formula engine closed rel.err written standardised"
    assert not set(english.split()) & set(re.findall("[a-z.]+", printed.replace("native", "")))
    assert "代价 J(w, b)" in (tmp_path / "out" / "cost.svg").read_text("utf-8")
    table = tmp_path / "t.csv"
    for content, told in (("a,y\n1,0\n,1\n", "第 3 行，列 'a'：单元格是空的"), ("1,2\n3,4\n", "没有表头"),
                          ("a,y\n1,0\n2\n", "第 3 行：有 1 个单元格，而表头有 2 列：缺少列 'y'"),
                          ("a,y\n1,0\n\"1,5\",1\n", "'1,5' 用了逗号作小数点：请写成 1.5")):
        table.write_text(content)
        assert main(["logistic", "--data", str(table), "--target", "y", "--lang", "zh"]) == 2
        assert told in capsys.readouterr().err
    table.write_bytes("面积,y\n1,0\n".encode("gbk"))
    assert main(["logistic", "--data", str(table), "--target", "y", "--lang", "zh"]) == 2
    assert "请用 --encoding 指明编码（例如 gbk 或 latin-1）" in capsys.readouterr().err


def test_what_is_taken_over_is_not_translated():
    assert translated("'value' has no value", "zh") == "'value' 没有值"
    assert translated("value", "en") == "value" and translated("no such sentence", "zh") == "no such sentence"
    pairs = json.loads(stored("messages.json"))
    for english, chinese in pairs.items():
        assert set(re.findall(r"\{\d!?\}", chinese)) <= set(re.findall(r"\{\d!?\}", english)), english
