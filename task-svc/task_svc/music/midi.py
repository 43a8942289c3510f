"""Writes a score as a Standard MIDI File of type 1: a track a part, General MIDI's programs and drums."""

from pathlib import Path
from typing import Final

import mido

from task_svc.music.score import BEATS_PER_BAR, Note, Part, Score

_TICKS_PER_BEAT: Final = 480
_DRUM_CHANNEL: Final = 9
_LOUDEST: Final = 127
_VOLUME, _PAN, _REVERB = 7, 10, 91
_OFF_FIRST: Final = 0


def write_midi(score: Score, path: Path) -> None:
    """Writes the score; text in it is UTF-8."""
    file = mido.MidiFile(type=1, ticks_per_beat=_TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(
        mido.MidiTrack(
            (
                mido.MetaMessage("track_name", name=score.title),
                mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo_bpm)),
                mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4),
                mido.MetaMessage("end_of_track", time=_ticks(score.seconds / score.beat_seconds)),
            )
        )
    )
    for number, part in enumerate(score.parts):
        file.tracks.append(_track(part, _DRUM_CHANNEL if part.instrument == "drums" else number))
    file.save(path)


def _track(part: Part, channel: int) -> mido.MidiTrack:
    track = mido.MidiTrack((mido.MetaMessage("track_name", name=part.name),))
    if channel != _DRUM_CHANNEL:
        track.append(mido.Message("program_change", channel=channel, program=part.program))
    for control, value in ((_VOLUME, part.gain), (_PAN, (part.pan + 1.0) / 2.0), (_REVERB, part.send)):
        track.append(
            mido.Message(
                "control_change",
                channel=channel,
                control=control,
                value=min(_LOUDEST, round(value * _LOUDEST)),
            )
        )
    at = 0
    for ticks, _, pitch, velocity in sorted(_events(part.notes)):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=ticks - at))
        at = ticks
    track.append(mido.MetaMessage("end_of_track"))
    return track


def _events(notes: list[Note]) -> list[tuple[int, int, int, int]]:
    """Returns (tick, order, pitch, velocity): a velocity of 0 ends a note.

    A note that begins while its pitch still sounds ends the earlier one: MIDI cannot tell them apart.
    """
    events: list[tuple[int, int, int, int]] = []
    following: dict[int, int] = {}
    for note in sorted(notes, key=lambda each: (each.start, each.pitch), reverse=True):
        start = _ticks(note.start)
        end = min(max(start + 1, _ticks(note.start + note.length)), following.get(note.pitch, 1 << 60))
        if end <= start:
            continue
        following[note.pitch] = start
        events.append((start, 1, note.pitch, max(1, round(note.strength * _LOUDEST))))
        events.append((end, _OFF_FIRST, note.pitch, 0))
    return events


def _ticks(beats: float) -> int:
    return round(beats * _TICKS_PER_BEAT)
