"""Who is to be drawn onto a frame of a video, with their id and action."""

from __future__ import annotations

from skillbank_runners.pose_classification.actions.action_json import Find
from skillbank_runners.skeletons.poses import Observation, Recording
from skillbank_runners.video.overlays import PoseOverlays, id_text


class Overlays(PoseOverlays):
    """The people of each frame; asked for frames in ascending order, it reads the poses once.

    Args:
        recording: Poses in pixels of the video, in order of frames.
        find: Tells the actions.
    """

    def __init__(self, recording: Recording, find: Find) -> None:
        self._find = find
        super().__init__(recording, self._said)

    def _said(self, person: Observation) -> str:
        action, score = self._find(person.camera, person.object_id, person.frame)
        said = f"{action} {score:.2f}" if action else "?"
        return f"{id_text(person)}  {said}"
