"""Music: composed by rules, played by synthesised instruments, mastered and written as WAV and MIDI.

Nothing here but `parameters` and `moods` is imported by the service process; numpy lives in the workers only.
"""
