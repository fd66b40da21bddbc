"""What `fakelake ingest ../shared/media/odd` must say of each file, written down from looking at their pictures.

No file here shows a face of 24 pixels: test charts, a keyboard, an aeroplane, an astronaut far away, a cartoon.
`quarantine` gets those with a code; `partial` keeps the frames before and after the damage and has a row there too.
"""

ODD_EXPECTATIONS: dict[str, str] = {
    "decord_corrupted.mp4": "partial",  # test chart; packet 30 of 50 is damaged
    "decord_unordered.mov": "no_face",  # four white frames
    "decord_video_0.mov": "no_face",  # keyboard
    "decord_video_180.mov": "no_face",  # keyboard, stored upside down
    "decord_video_270.mov": "no_face",  # keyboard, stored on its side
    "decord_video_90.mov": "no_face",  # keyboard, stored on its side
    "moviepy_no_duration.webm": "no_face",  # nearly black
    "moviepy_transparent.webm": "no_face",  # red dot on a transparent ground
    "moviepy_video_with_failing_audio.mp4": "no_face",  # aeroplane; only the sound is damaged
    "pyfeat_no_face.mp4": "no_face",  # cartoon title
    "torchcodec_animated.gif": "no_face",  # colour bars
    "torchcodec_av1_video.mkv": "no_face",  # test chart
    "torchcodec_bad_huffman.jpg": "quarantined:still_picture",
    "torchcodec_bt2020_10bit.mp4": "no_face",  # test chart marked as PQ
    "torchcodec_bt709_full_range.mp4": "no_face",  # test chart
    "torchcodec_corrupt.jpg": "quarantined:still_picture",
    "torchcodec_discard_first_keyframe.mp4": "no_face",  # test chart; an edit list hides the first five frames
    "torchcodec_frame_exceeds_screen.gif": "no_face",  # one frame of 4x4
    "torchcodec_h264_10bits.mp4": "no_face",  # test chart
    "torchcodec_h265_10bits.mp4": "no_face",  # test chart
    "torchcodec_h265_video.mp4": "no_face",  # "Frame 0" to "Frame 9"
    "torchcodec_nasa_13013.mp4": "no_face",  # astronaut far away
    "torchcodec_nasa_13013.mp4.audio.mp3": "quarantined:audio_only",
    "torchcodec_nasa_13013_hdr.mp4": "no_face",  # the same, marked as PQ
    "torchcodec_nasa_13013_rotated.mp4": "no_face",  # the same, marked as turned
    "torchcodec_sine_mono_mp3.swf": "quarantined:audio_only",
}
