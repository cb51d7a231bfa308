"""Who is drawn onto a frame."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from skillbank_runners.pose_classification.actions.overlay import Overlays
from skillbank_runners.skeletons.poses import Observation, Recording, Space


def recording(tmp_path, *places):
    def observe(frame, object_id):
        return Observation(
            frame, object_id, np.full((17, 3), 10.0 * object_id, np.float32), np.ones(17)
        )

    people = (observe(*place) for place in places)
    return Recording("v", tmp_path, "coco17", Space.IMAGE, people)


def test_people_are_told_frame_by_frame_with_id_action_and_score(tmp_path):
    known = {(0, 1, 3): ("walk", 0.875)}
    overlays = Overlays(
        recording(tmp_path, (3, 1), (3, 2), (5, 1)), lambda *who: known.get(who, ("", 0.0))
    )

    told = {number: [one.text for one in overlays(number)] for number in range(7)}

    assert told == {
        **{number: [] for number in (0, 1, 2, 4, 6)},
        3: ["id 1  walk 0.88", "id 2  ?"],
        5: ["id 1  ?"],
    }


def test_skeletons_are_drawn_in_pixels_with_the_bones_of_their_layout(tmp_path):
    (person,) = Overlays(recording(tmp_path, (0, 2)), lambda *_: ("", 0.0))(0)

    assert person.joints_V2.tolist() == [[20.0, 20.0]] * 17
    assert (5, 7) in {tuple(sorted(bone)) for bone in person.bones}
    assert person.object_id == 2
