"""Tracks: motion as tables and keyframes, of ours and of other programs."""

from __future__ import annotations

import json

from documents import text
from formats import Format
from mutations import mutate_json, mutate_utf8

from liax.tracks import read_track

TRACK = """time,shot,yaw,smile,#13,liax
0.0,1,1.5,,0.25,track 1 pose
0.04,2,2,0.5,0.3,
"""
LIVE_LINK = """Timecode,BlendshapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll
00:32:09:07.867,61,0.25,0.1,-0.2,0.05
00:32:09:08.868,61,0.5,0,0,0
"""
OPENFACE = """frame, timestamp, success, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU45_r
1, 0.000, 1, 0.1, 0.2, 0.3, 1, 2
2, 0.033, 1, 0, 0, 0, 5, 0
"""
KEYS = """rate = 12.5
length = "4s"
[preset.grin]
smile = 0.8
"#12" = 0.1
[[key]]
at = "1.2s"
yaw = "10deg"
ease = "out"
[[key]]
at = "0:02.5"
preset = "grin"
amount = 0.5
"""
TRACK_JSON = {"liax": "track 1 pose of 51ab", "rate": "25", "columns": {"yaw": [1, None, 2]}}
MEDIAPIPE = {"fps": 30, "frames": [{"time": k, "blendshapes": {"jawOpen": 0.5}} for k in range(3)]}

FORMATS = {
    "track": Format("track.csv", text(TRACK), mutate_utf8, read_track),
    "track-json": Format("track.json", text(json.dumps(TRACK_JSON)), mutate_json, read_track),
    "live-link": Format("face.csv", text(LIVE_LINK), mutate_utf8, read_track),
    "openface": Format("face.csv", text(OPENFACE), mutate_utf8, read_track),
    "mediapipe": Format("face.json", text(json.dumps(MEDIAPIPE)), mutate_json, read_track),
    "keys": Format("keys.toml", text(KEYS), mutate_utf8, read_track),
}
