"""Images: digests that do not depend on the order, box means."""

import hashlib

import numpy as np

from data_builders.images.images import Images, box_mean


def test_box_mean_rounds_half_up() -> None:
    x = np.array(
        [
            [0, 0, 0, 0, 1, 0],
            [0, 1, 1, 1, 1, 1],
            [255, 255, 10, 20, 3, 4],
            [255, 255, 30, 41, 4, 4],
        ],
        dtype=np.uint8,
    ).reshape(1, 4, 6, 1)
    # Sums 1, 2, 3 and 1020, 101, 15: means 0.25, 0.5, 0.75 and 255, 25.25, 3.75.
    assert box_mean(x, 2)[0, :, :, 0].tolist() == [[0, 1, 1], [255, 25, 4]]
    assert box_mean(x, 1) is x


def test_box_mean_keeps_images_and_channels_apart() -> None:
    x = np.arange(2 * 3 * 3 * 2, dtype=np.uint8).reshape(2, 3, 3, 2)
    assert box_mean(x, 3)[:, 0, 0, :].tolist() == [[8, 9], [26, 27]]


def test_box_mean_of_two_is_the_sum_plus_two_over_four() -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    x[0] = 255
    rows = x.astype(int).reshape(20, 16, 2, 16, 2, 3)
    assert np.array_equal(box_mean(x, 2), (rows.sum((2, 4)) + 2) // 4)


def test_digest_is_the_hash_of_sorted_hashes_of_label_and_pixels() -> None:
    x = np.array([[[[1], [2]]], [[[3], [4]]]], dtype=np.uint8)
    y = np.array([200, 7])
    hashes = [hashlib.sha256(bytes(image)).digest() for image in ([200, 1, 2], [7, 3, 4])]
    known = hashlib.sha256(min(hashes) + max(hashes)).hexdigest()
    assert Images(x, y).digest() == Images(x[::-1], y[::-1]).digest() == known
    assert Images(x, y[::-1]).digest() != known
