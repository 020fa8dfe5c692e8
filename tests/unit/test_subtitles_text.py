from appliance.api.subtitle_text import LINE_CHARACTERS, Cue, as_srt, as_vtt

CUES = [Cue(0.0, 1.5, "Good morning."), Cue(3661.0625, 3662.5, "The meeting is at nine.")]


def test_srt_numbers_its_cues_and_writes_milliseconds_after_a_comma() -> None:
    assert as_srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n2\n01:01:01,062 --> 01:01:02,500\nThe meeting is at nine.\n"
    )


def test_vtt_begins_with_its_name_and_writes_milliseconds_after_a_point() -> None:
    assert as_vtt(CUES[:1]) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGood morning.\n"


def test_long_texts_are_broken_into_lines() -> None:
    text = "word " * 40
    lines = as_srt([Cue(0, 5, text)]).splitlines()[2:]

    assert max(map(len, lines)) <= LINE_CHARACTERS
    assert " ".join(lines).split() == text.split()


def test_what_would_be_read_as_markup_or_timing_is_not_written_as_such() -> None:
    cue = Cue(0, 1, "a <b>bold</b> & then\n\n00:00 --> 00:01")

    assert as_vtt([cue]).count("-->") == 1
    assert as_srt([cue]).count("-->") == 1
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; then" in as_vtt([cue])
    assert "\n\n0" not in as_srt([cue])


def test_an_empty_text_makes_no_cue() -> None:
    assert as_srt([Cue(0, 1, " "), Cue(1, 2, "Yes.")]).startswith("1\n00:00:01,000")


def test_a_cue_without_length_stays_readable_for_a_moment() -> None:
    assert "00:00:01,000 --> 00:00:01,200" in as_srt([Cue(1.0, 1.0, "Yes.")])


def test_no_cues_make_a_valid_empty_file() -> None:
    assert as_srt([]) == ""
    assert as_vtt([]) == "WEBVTT\n\n"
