"""The action pose, from a video to the file that conversion reads, through the launcher.

A user's own estimator stands in for the networks: it sees people in bright columns.
"""

import json

import numpy as np
import pytest
import yaml
from tests.runners.video import plugs
from tests.runners.video.films import film, plain, sound

from skillbank_runners.launch import main
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import convert_joints, load_layout
from skillbank_runners.video.reading import open_video

PLUG = "tests.runners.video.plugs:bright"
WIDTH, HEIGHT = 160, 64
COCO, NVIDIA = load_layout("coco17"), load_layout("nvidia34")


def scene(*columns, colour=(200, 200, 200)):
    """A dark picture with bright columns, 24 pixels wide, each of which is a person."""
    image = plain(WIDTH, HEIGHT, 16)
    for column in columns:
        image[:, column : column + 24] = colour
    return image


@pytest.fixture
def run(tmp_path):
    def start(images, *, times=None, **pose):
        video = film(tmp_path / "video.mp4", images, times=times) if images else None
        content = {"pose": {"estimator": PLUG, "layout": "coco17", "smoothing": {"enable": False}}}
        if video:
            content["pose"]["video"] = str(video)
        content["pose"] |= pose
        spec = tmp_path / "spec.yaml"
        spec.write_text(yaml.safe_dump(content))
        place = ["--results", str(tmp_path / "results")]
        return main(["pose_classification", "pose", "-e", str(spec), *place])

    start.results = tmp_path / "results"
    return start


def frames_of(results):
    batches = json.loads((results / "poses.json").read_text())
    assert all(batch["num_frames_in_batch"] == len(batch["batches"]) == 1 for batch in batches)
    return [batch["batches"][0] for batch in batches]


def last_line(results):
    return json.loads((results / "status.json").read_text().splitlines()[-1])


def read(results, pose_type, layout="coco17"):
    options = ReadOptions(pose_type, layout)
    (recording,) = read_recordings("deepstream", results / "poses.json", options)
    return list(recording.observations)


def test_every_frame_is_there_with_its_number_its_time_and_its_people(run):
    images = [scene(), scene(40), scene(42, 100), scene(), scene(44)]
    assert run(images, times=[0.0, 0.1, 0.2, 0.5, 0.6]) == 0

    frames = frames_of(run.results)
    assert [frame["frame_num"] for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame["num_obj_meta"] for frame in frames] == [0, 1, 2, 0, 1]
    assert [len(frame["objects"]) for frame in frames] == [0, 1, 2, 0, 1]
    times_s = [frame["ntp_timestamp"] / 1e9 for frame in frames]
    assert times_s == pytest.approx([0.0, 0.1, 0.2, 0.5, 0.6], abs=0.002)


@pytest.mark.parametrize("where", [(), (0,), (5,), (0, 5), (2, 3)])
def test_frames_without_people_are_written_wherever_they_are(run, where):
    images = [scene(40) if number in where else scene() for number in range(6)]
    assert run(images) == 0

    frames = frames_of(run.results)
    assert [frame["frame_num"] for frame in frames] == list(range(6))
    assert [f["frame_num"] for f in frames if f["objects"]] == list(where)


def test_the_importer_reads_pixels_and_millimetres(run):
    assert run([scene(40)] * 2) == 0

    image, world = read(run.results, "25dbp")[0], read(run.results, "3dbp")[0]
    assert image.joints_VD[:, :2] == pytest.approx(plugs.BODY + np.float32([40, 10]), abs=1.1)
    assert world.joints_VD[:, :2] == pytest.approx(1000 * plugs.BODY / 100, abs=0.1)
    assert (image.confidence_V == 1).all()
    assert image.box.width == 8


def test_a_person_keeps_their_id_while_they_move_and_others_come(run):
    images = [scene(10 + 2 * i) for i in range(6)]
    images += [scene(22 + 2 * i, 110 - 2 * i) for i in range(12)]
    assert run(images) == 0

    people = read(run.results, "2dbp")
    for person in people:
        came_first = person.joints_VD[0, 0] < 10 + 2 * person.frame + 4
        assert person.object_id == (1 if came_first else 2)
    assert len(people) == 6 + 24


def test_by_default_joints_are_written_in_the_layout_that_dataset_convert_expects(run):
    assert run([scene(40)], layout="nvidia34") == 0

    (person,) = read(run.results, "25dbp", "nvidia34")
    body = (plugs.BODY + np.float32([40, 10]))[:, :2]
    expected, sure = convert_joints(body, np.ones(17, np.float32), COCO, NVIDIA)
    assert person.joints_VD[:, :2] == pytest.approx(expected, abs=1.1)
    assert person.confidence_V == pytest.approx(sure)
    assert len(frames_of(run.results)[0]["objects"][0]["pose3d"]) == 34 * 4


def test_an_empty_layout_is_the_estimators_own(run):
    assert run([scene(40)], layout="") == 0

    assert len(frames_of(run.results)[0]["objects"][0]["pose25d"]) == 17 * 4


def test_an_estimator_without_depth_gives_people_in_the_picture_only(run):
    """The plug knows no depth where the picture is blue."""
    assert run([scene(40, colour=(10, 10, 250))]) == 0

    (image,), (world,) = read(run.results, "2dbp"), read(run.results, "3dbp")
    assert (image.confidence_V == 1).all()
    assert (world.confidence_V == 0).all()


def test_a_known_focal_length_places_people_before_the_camera(run):
    """The body is 0.08 m wide and 8 pixels: at a focal length of 500, 5 m away."""
    assert run([scene(40)], focal_length=500.0) == 0

    (person,) = read(run.results, "3dbp")
    assert person.joints_VD[0, 2] == pytest.approx(5000, rel=0.02)
    x = (40 - WIDTH / 2) / 500 * 5000
    assert person.joints_VD[0, 0] == pytest.approx(x, abs=15)


def jumps(count=24):
    """Somebody who stands still, seen 4 pixels to the left and right in turn."""
    return [scene(60 + 4 * (i % 2)) for i in range(count)]


def tremor(results):
    x = [person.joints_VD[0, 0] for person in read(results, "2dbp")]
    return float(np.abs(np.diff(x[8:])).mean())


def test_smoothing_takes_the_tremor_out_and_can_be_switched_off(run):
    assert run(jumps()) == 0
    rough = tremor(run.results)
    assert run(jumps(), smoothing={"enable": True, "beta": 0.0, "min_cutoff": 0.5}) == 0

    assert rough == pytest.approx(4, abs=0.5)
    assert tremor(run.results) < rough / 2


def test_only_so_many_people_are_followed_as_the_spec_allows(run):
    assert run([scene(10, 50, 90, 130)] * 2, max_people=2) == 0

    assert [frame["num_obj_meta"] for frame in frames_of(run.results)] == [2, 2]


def test_somebody_out_of_sight_for_too_long_comes_back_as_someone_new(run):
    images = [scene(40)] * 3 + [scene()] * 6 + [scene(40)] * 3
    assert run(images, forget_after=4) == 0
    assert {person.object_id for person in read(run.results, "2dbp")} == {1, 2}

    assert run(images, forget_after=20) == 0
    assert {person.object_id for person in read(run.results, "2dbp")} == {1}


def test_a_job_tells_what_it_found_and_records_the_file(run, capsys):
    assert run([scene(40), scene(), scene(40, 100)]) == 0

    said = capsys.readouterr().out
    assert "found people in 2 of 3 frames, 2 in all" in said
    assert f"dataset_convert.input_width={WIDTH} dataset_convert.input_height={HEIGHT}" in said
    end = last_line(run.results)
    assert end["status"] == "SUCCESS"
    assert end["kpi"]["frames"] == 3
    assert end["kpi"]["share_with_people"] == pytest.approx(2 / 3)
    assert end["kpi"]["people"] == 2
    (artefact,) = json.loads((run.results / "artefacts.json").read_text())["artefacts"]
    assert (artefact["path"], artefact["kind"]) == ("poses.json", "predictions")


def test_on_request_the_people_are_drawn_onto_the_video(run):
    images = [scene(40 + 4 * i) for i in range(4)]
    assert run(images, annotated_video=True) == 0

    drawn = list(open_video(run.results / "annotated.mp4").frames())
    before = list(open_video(run.results.parent / "video.mp4").frames())
    assert len(drawn) == 4
    for old, new in zip(before, drawn, strict=True):
        difference = np.abs(old.image_HW3.astype(int) - new.image_HW3).max(axis=2) > 60
        columns = np.flatnonzero(difference.any(axis=0))
        assert columns.min() < 60 + 4 * old.number
        assert columns.max() < 90 + 4 * old.number
    names = {each.name for each in run.results.iterdir()}
    assert names == {"status.json", "artefacts.json", "poses.json", "annotated.mp4"}


def test_the_same_video_gives_the_same_bytes(run):
    assert run([scene(40, 100)] * 5, smoothing={"enable": True}) == 0
    first = (run.results / "poses.json").read_bytes()
    assert run([scene(40, 100)] * 5, smoothing={"enable": True}) == 0

    assert (run.results / "poses.json").read_bytes() == first


@pytest.mark.parametrize(
    ("pose", "said"),
    [
        ({"video": ""}, "pose.video: empty, expected a video file"),
        ({"video": "/no/such.mp4"}, "pose.video: no such file: '/no/such.mp4'"),
        ({"video": "/tmp"}, "pose.video: a folder: '/tmp', expected a video file"),
        ({"video": "s3://a/b.mp4"}, "found 's3://a/b.mp4', expected a local file"),
        ({"smoothing": {"min_cutoff": 0}}, "pose.smoothing.min_cutoff: found 0.0"),
        ({"smoothing": {"derivative_cutoff": 0}}, "pose.smoothing.derivative_cutoff: found 0.0"),
        ({"max_people": 0}, "pose.max_people: "),
        ({"redetect_every": 0}, "pose.redetect_every: "),
        ({"min_confidence": 1.5}, "pose.min_confidence: "),
        ({"focal_length": -1}, "pose.focal_length: "),
        ({"estimater": "blazepose"}, "did you mean"),
    ],
)
def test_a_wrong_spec_is_named_by_its_key(run, pose, said, capsys):
    assert run([scene(40)], **{"smoothing": {"enable": True}, **pose}) == 2

    assert said in capsys.readouterr().err
    assert not (run.results / "poses.json").exists()


@pytest.mark.parametrize(
    ("pose", "said"),
    [
        ({"estimator": "openpose"}, "pose.estimator: found 'openpose'"),
        ({"estimator": "tests.runners.video.plugs:with_nan"}, "frame 0: found joints_V2 with NaN"),
        ({"estimator": "tests.runners.video.plugs:unknown_layout"}, "pose.estimator: no layout 'o"),
        ({"layout": "octopus"}, "pose.layout: no layout 'octopus'"),
        ({"layout": "openpose18", "estimator": PLUG}, ""),
        ({"layout": "hand21"}, "no conversion from layout 'coco17' to 'hand21'"),
    ],
)
def test_what_cannot_be_done_is_an_error_and_leaves_no_half_file(run, pose, said, capsys):
    code = run([scene(40)], **pose)

    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert (code == 0) == (not said)
    assert (run.results / "poses.json").exists() == (not said)
    assert not list(run.results.glob(".poses*"))


@pytest.mark.parametrize("layout", ["octopus", "gone.yaml", "hand21"])
def test_a_layout_that_cannot_be_written_is_a_wrong_request(run, layout):
    assert run([scene(40)], layout=layout) == 2

    assert last_line(run.results)["failure"] == "bad_configuration"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_text("no video"), "found no video that can be read"),
        (sound, "found only audio"),
    ],
)
def test_a_file_without_pictures_is_an_error_of_the_job(run, tmp_path, write, said):
    path = tmp_path / "other.mp4"
    write(path)

    assert run([], video=str(path)) != 0
    assert said in last_line(run.results)["message"]
    assert last_line(run.results)["failure"] == "bad_configuration"


def test_missing_networks_are_named_with_the_command_that_fetches_them(run, tmp_path, capsys):
    assert run([scene(40)], estimator="blazepose", model_folder=str(tmp_path)) == 1

    assert "python -m skillbank_runners.video.models" in capsys.readouterr().err
