"""The script of a text, and texts without spaces between words."""

from __future__ import annotations

import pytest

from seqlstm.text.script import OTHER, WITHOUT_SPACES, lacks_spaces, main_script

CHINESE = ["我今天在图书馆里看书。", "他们昨天去了北京,看了长城。"]
JAPANESE = ["私は昨日図書館で本を読みました。", "コーヒーをください。"]
KOREAN = ["저는 어제 도서관에서 책을 읽었습니다.", "커피 주세요."]
THAI = ["เมื่อวานฉันอ่านหนังสือที่ห้องสมุด"]


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (CHINESE, "Han"),
        (JAPANESE, "Japanese"),
        (KOREAN, "Hangul"),
        (THAI, "Thai"),
        (["ຂ້ອຍອ່ານປຶ້ມຢູ່ຫ້ອງສະໝຸດ"], "Lao"),
        (["ខ្ញុំអានសៀវភៅនៅបណ្ណាល័យ"], "Khmer"),
        (["ကျွန်တော်စာကြည့်တိုက်မှာစာဖတ်တယ်"], "Myanmar"),
        (["ང་དཔེ་མཛོད་ཁང་ལ་དཔེ་ཆ་ཀློག"], "Tibetan"),
        ([*CHINESE * 20, "「の」是日文假名。"], "Han"),  # Chinese that quotes a kana
        (["ﾊﾛｰ ﾜｰﾙﾄﾞ"], "Japanese"),  # half-width kana
        (["这个 API 返回一个列表，其中包含所有的用户和他们的订单。"], "Han"),
    ],
)
def test_the_script_of_most_letters(texts: list[str], script: str) -> None:
    assert main_script(texts) == script


@pytest.mark.parametrize(
    "text", ["Der Hund schläft.", "Собака спит.", "كلب", "北京 is a city.", "7"]
)
def test_all_other_scripts_count_as_one(text: str) -> None:
    assert main_script([text]) == OTHER


@pytest.mark.parametrize("texts", [CHINESE, JAPANESE, THAI, ["你好。"] * 9, ["ཀློག་", "བོད་"]])
def test_texts_without_spaces(texts: list[str]) -> None:
    assert lacks_spaces(texts)
    assert main_script(texts) in WITHOUT_SPACES


@pytest.mark.parametrize(
    "texts",
    [
        KOREAN,
        ["Donaudampfschifffahrtsgesellschaftskapitän"],
        ["我 今天 在 图书馆 里 看书 。"],  # cut into words
        ["ฉัน อ่าน หนังสือ"],
        ["", "7"],
        [],
    ],
)
def test_texts_with_words(texts: list[str]) -> None:
    assert not lacks_spaces(texts)
