"""The form that a phrase's key is made from: many writings of one phrase are one, and no two meanings are."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.cache.keys import phrase_key
from appliance.cache.phrase_form import phrase_form
from appliance.cache.phrase_rules import RULES
from appliance.languages import NAMES

LANGUAGES = sorted(NAMES)

SAME = [
    ("en", "Good morning.", "good  morning"),
    ("en", "I'm here", "I’m here."),
    ("en", "i am here and i'll stay", "I am here and I'll stay."),
    ("en", "“Yes”, he said.", '"Yes" , he said'),
    ("en", "Wait…", "Wait..."),
    ("en", "Room\u00a05", "Room 5."),
    ("en", "１２ apples", "12 apples"),
    ("en", "efﬁcient", "efficient"),
    ("en", "Caf\u0065\u0301", "café"),
    ("en", "co\u00adoperate", "Cooperate."),
    ("fr", "Vous venez ?", "Vous venez?"),
    ("fr", "Vous venez\u202f?", "vous venez ?"),
    ("fr", "L' homme est là.", "L’homme est là"),
    ("fr", "Un œuf", "un oeuf."),
    ("fr", "Il dit « bonjour ».", 'Il dit "bonjour".'),
    ("fr", "Qu' est-ce que c' est ?", "Qu'est-ce que c'est ?"),
    ("es", "¿Vienes?", "Vienes?"),
    ("es", "¡ Hola !", "hola!"),
    ("it", "L' uomo", "l’uomo."),
    ("tr", "Işık yandı.", "ışık yandı"),
    ("tr", "İyi günler", "iyi günler."),
    ("de", "Guten Morgen.", "Guten Morgen"),
    ("zh", "你好，世界。", "你好, 世界"),
    ("zh", "我有 3 个", "我有3个。"),
    ("zh", "你好吗？", "你好吗 ?"),
    ("ja", "ガンバレ！", "ｶﾞﾝﾊﾞﾚ!"),
    ("ja", "１２時です。", "12時です"),
    ("hi", "मैं ठीक हूँ।", "मैं ठीक हूँ"),
    ("ar", "كيف حالك؟", "كيف حالك?"),
    ("ar", "مرحـــبا", "مرحبا"),
    ("ar", "٣ كتب", "3 كتب"),
    ("el", "Έρχεσαι;", "Έρχεσαι?"),
    ("ru", "Доброе утро.", "доброе утро"),
]

DIFFERENT = [
    ("en", "You are coming.", "You are coming?"),
    ("en", "You are coming", "You are not coming"),
    ("en", "You are coming.", "You are coming!"),
    ("en", "I can go.", "I can't go."),
    ("en", "its", "it's"),
    ("en", "we're here", "were here"),
    ("en", "Let's eat, Grandma.", "Let's eat Grandma."),
    ("en", "Polish the shoes.", "polish the shoes."),
    ("en", "US first", "us first"),
    ("en", "Meet us at 5", "Meet us at 15"),
    ("en", "It costs 1,000", "It costs 1.000"),
    ("en", "It costs 1 0", "It costs 10"),
    ("en", "10²", "102"),
    ("en", "I ½ agree", "I 1/2 agree"),
    ("en", "about .5", "about 5"),
    ("en", "Minus -5", "Minus 5"),
    ("en", "resume", "résumé"),
    ("en", "a green house", "a greenhouse"),
    ("fr", "ou", "où"),
    ("fr", "a", "à"),
    ("fr", "la", "là"),
    ("fr", "Il a mangé", "Il a mange"),
    ("fr", "sur", "sûr"),
    ("fr", "Pierre arrive.", "pierre arrive."),
    ("fr", "Vous venez", "Vous venez ?"),
    ("fr", "Il vient.", "Il ne vient pas."),
    ("fr", "des", "dés"),
    ("fr", "peche", "pêche"),
    ("fr", "péché", "pêche"),
    ("es", "si", "sí"),
    ("es", "esta", "está"),
    ("es", "el", "él"),
    ("es", "tu", "tú"),
    ("es", "ano", "año"),
    ("es", "¿Vienes?", "Vienes."),
    ("es", "¿Vienes", "Vienes"),
    ("es", "hablo", "habló"),
    ("es", "mas", "más"),
    ("pt", "avó", "avô"),
    ("pt", "e", "é"),
    ("it", "e", "è"),
    ("it", "Lei viene.", "lei viene."),
    ("it", "papa", "papà"),
    ("de", "Sie kommen.", "sie kommen."),
    ("de", "Essen", "essen"),
    ("de", "Ich habe liebe Genossen", "Ich habe Liebe genossen"),
    ("de", "am 3.", "am 3"),
    ("de", "schon", "schön"),
    ("de", "Masse", "Maße"),
    ("tr", "kız", "kiz"),
    ("tr", "Ilık", "İlik"),
    ("tr", "sıkıldım", "sikildim"),
    ("zh", "你好吗？", "你好吗。"),
    ("zh", "他来了", "他没来"),
    ("zh", "买", "卖"),
    ("zh", "1 2", "12"),
    ("ja", "はし", "ばし"),
    ("ja", "びょういん", "びよういん"),
    ("ko", "아버지가 방에", "아버지 가방에"),
    ("da", "De kommer", "de kommer"),
    ("ru", "Вы пришли", "вы пришли"),
    ("ru", "все", "всё"),
    ("fa", "می\u200cخواهم", "می خواهم"),
    ("ar", "كتب", "كُتُب"),
    ("vi", "ma", "má"),
    ("vi", "mà", "mả"),
    ("el", "Έρχεσαι;", "Έρχεσαι."),
]


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_two_writings_of_a_phrase_are_one(language, one, other):
    assert phrase_form(one, language) == phrase_form(other, language)


@pytest.mark.parametrize(("language", "one", "other"), DIFFERENT)
def test_two_meanings_stay_two(language, one, other):
    assert phrase_form(one, language) != phrase_form(other, language)


# Letters of every script with the marks, spaces and invisible characters that the rules are about.
_MARKS = "….。｡।?？؟!！,，;:'’ʼ`\"«»“”-–—¿¡%()、٣３5. \u00a0\u202f\u3000\u200b\u00ad\u0301\u0307\u3099\u200c\n"
texts = st.text(st.one_of(st.sampled_from(_MARKS + "IiİıSsœŒé你ｶﾞ日AaLld"), st.characters(codec="utf-8")), max_size=40)


@settings(max_examples=500, deadline=None)
@given(texts, st.sampled_from(LANGUAGES))
def test_the_form_of_a_form_is_itself(text, language):
    form = phrase_form(text, language)
    assert phrase_form(form, language) == form


_pairs = st.sampled_from(DIFFERENT)
_spacing = st.sampled_from(["", " ", "\u00a0", "  ", "\n", "\u200b"])


@settings(max_examples=300, deadline=None)
@given(_pairs, _spacing, _spacing, st.sampled_from(["NFC", "NFD"]), st.sampled_from(["’", "'", "ʼ"]))
def test_no_writing_of_one_meaning_is_a_writing_of_the_other(pair, before, after, normal_form, apostrophe):
    language, one, other = pair
    written = unicodedata.normalize(normal_form, f"{before}{one.replace(chr(39), apostrophe)}{after}")
    assert phrase_form(written, language) != phrase_form(other, language)
    assert phrase_form(written, language) == phrase_form(one, language)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=20).filter(str.strip),
       st.sampled_from(LANGUAGES))  # fmt: skip
def test_a_question_is_never_a_statement_in_any_language(text, language):
    assert phrase_form(f"{text}?", language) != phrase_form(text, language)
    assert phrase_form(f"{text}？", language) == phrase_form(f"{text}?", language)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(LANGUAGES))
@settings(deadline=None)
def test_numbers_are_never_taken_for_one_another(one, other, language):
    assert (phrase_form(f"x {one} y", language) == phrase_form(f"x {other} y", language)) == (one == other)


def test_every_language_with_rules_is_one_of_ours():
    assert set(RULES) <= set(NAMES)


def test_a_language_without_rules_keeps_its_capitals():
    assert phrase_form("Habari", "sw") != phrase_form("habari", "sw")


def test_a_key_is_of_one_pair_and_of_one_engine():
    keys = {
        phrase_key("Good morning.", "en", "fr"),
        phrase_key("Good morning.", "en", "es"),
        phrase_key("Good morning.", "fr", "en"),
        phrase_key("Good morning.", "en", "fr", "argos/one"),
        phrase_key("Good morning.", "en", "fr", "argos/two"),
    }
    assert len(keys) == 5
    assert phrase_key("good morning", "en", "fr", "argos/one") in keys
