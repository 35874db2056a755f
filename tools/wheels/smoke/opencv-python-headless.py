"""opencv: drawing, filters, contours, features, calibration, machine learning, and pictures encoded both ways."""

import hashlib

import cv2
import numpy as np


def show(what, array):
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]
    print(f"{what}: {array.dtype} {array.shape} {digest}")


cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
picture = np.zeros((120, 160, 3), np.uint8)
cv2.rectangle(picture, (10, 10), (70, 60), (0, 128, 255), cv2.FILLED)
cv2.circle(picture, (105, 70), 35, (80, 200, 0), -1, cv2.LINE_AA)
cv2.line(picture, (0, 0), (159, 119), color=(0, 0, 255), thickness=3)
cv2.ellipse(picture, (60, 90), (40, 15), 30, 0, 270, (255, 255, 0), 2)
cv2.polylines(picture, [np.array([[20, 110], [80, 50], [140, 115]], np.int32)], True, (0, 255, 255))
cv2.fillPoly(picture, [np.array([[130, 5], [150, 5], [140, 30]])], (128, 0, 128))
show("drawn", picture)
gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
for name in ("RGB", "HSV", "LAB", "YCrCb", "BGRA"):
    show(name, cv2.cvtColor(picture, getattr(cv2, f"COLOR_BGR2{name}")))

show("box", cv2.blur(picture, (5, 5)))
show("median", cv2.medianBlur(picture, 5))
show("flipped view", cv2.GaussianBlur(picture[::-1, ::2], (3, 3), 0))
print("gauss:", cv2.GaussianBlur(gray, (5, 5), 1.5).mean().round(1), cv2.bilateralFilter(gray, 5, 50, 50).mean().round(1))
show("filter", cv2.filter2D(gray, -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)))
show("sobel", cv2.Sobel(gray, cv2.CV_16S, 1, 0))
show("laplace", cv2.Laplacian(gray, cv2.CV_16S))
show("edges", cv2.Canny(gray, 50, 150))
limit, binary = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
show(f"otsu {limit}", binary)
show("adaptive", cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 2))
kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
show("opened", cv2.morphologyEx(binary, cv2.MORPH_OPEN, kernel))
show("eroded", cv2.erode(binary, kernel, iterations=2))
show("halved", cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST))
show("turned", cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))
show("bordered", cv2.copyMakeBorder(picture, 1, 2, 3, 4, cv2.BORDER_REFLECT))
turn = cv2.getRotationMatrix2D((80, 60), 30, 1.0)
print(turn.round(4).tolist(), cv2.warpAffine(picture, turn, (160, 120), flags=cv2.INTER_NEAREST).shape, cv2.getPerspectiveTransform(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), np.float32([[0, 0], [2, 0], [2, 2], [0, 2]])).round(4).tolist())

contours, tree = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
print(type(contours).__name__, len(contours), tree.tolist()[0][:3], [(cv2.contourArea(it), round(cv2.arcLength(it, True), 3), cv2.boundingRect(it)) for it in contours[:3]])
biggest = max(contours, key=cv2.contourArea)
moments = cv2.moments(biggest)
print(len(moments), moments["m00"], round(moments["m10"] / moments["m00"], 3), len(cv2.convexHull(biggest)), cv2.approxPolyDP(biggest, 5, True).tolist()[:2], [round(v, 2) for v in cv2.minEnclosingCircle(biggest)[0]], cv2.isContourConvex(biggest), cv2.pointPolygonTest(biggest, (105, 70), False), cv2.minAreaRect(np.array([[0, 0], [2, 0], [2, 1], [0, 1]])))
count, labels, stats, centers = cv2.connectedComponentsWithStats(binary)
print(count, labels.max(), stats[1].tolist(), centers[1].round(3).tolist(), cv2.countNonZero(binary), cv2.minMaxLoc(gray), cv2.mean(picture)[:3] == tuple(picture.mean((0, 1))), cv2.calcHist([gray], [0], None, [4], [0, 256]).ravel().tolist(), cv2.norm(gray).__round__(3))
show("distance", cv2.distanceTransform(binary, cv2.DIST_L1, 3))
corners = cv2.goodFeaturesToTrack(gray, 5, 0.01, 10)
points, features = cv2.ORB_create(nfeatures=20).detectAndCompute(gray, None)
print(corners.reshape(-1, 2).tolist()[:2], len(points) == len(features), features.dtype, type(points[0]).__name__, cv2.KeyPoint(1, 2, 3).pt, [round(it.distance) for it in cv2.BFMatcher(cv2.NORM_HAMMING).match(features, features)[:3]], cv2.matchTemplate(gray, gray[10:30, 20:40], cv2.TM_SQDIFF).argmin(), cv2.HoughLines(binary, 1, np.pi / 180, 80) is not None)

for end, options in ((".png", [cv2.IMWRITE_PNG_COMPRESSION, 9]), (".bmp", []), (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]), (".tiff", []), (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]), (".ppm", [])):
    done, data = cv2.imencode(end, picture, options)
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    print(end, done, data.dtype, bytes(data[:2]), np.array_equal(again, picture), cv2.absdiff(again, picture).mean() < 5)
print(cv2.imdecode(np.frombuffer(b"no picture", np.uint8), -1), cv2.imread("no-such-file.png"), cv2.imwrite("made.png", gray), cv2.imread("made.png", cv2.IMREAD_UNCHANGED).shape)
one, two = cv2.split(picture)[0], np.full((120, 160), 200, np.uint8)
print(cv2.add(two, 100)[0, 0], (two + np.uint8(100))[0, 0], cv2.addWeighted(one, 0.5, two, 0.5, 0)[40, 40], cv2.bitwise_and(two, two, mask=binary).sum(), cv2.merge([one, two]).shape, cv2.LUT(gray, np.arange(255, -1, -1, dtype=np.uint8)).sum(), cv2.solve(np.float64([[2, 0], [0, 4]]), np.float64([[2], [2]]))[1].ravel(), cv2.dft(np.float32([[1, 2, 3, 4]])).round(4).tolist())
out = np.zeros_like(gray)
print(cv2.flip(gray, 1, out) is not out, np.array_equal(out, gray[:, ::-1]), cv2.UMat(gray).get().shape, cv2.Rodrigues(np.float64([0, 0, np.pi / 2]))[0].round(6).tolist(), cv2.getTextSize("Text", cv2.FONT_HERSHEY_SIMPLEX, 1, 2), cv2.utils.dumpInt(5), cv2.kmeans(np.float32([[1], [2], [10], [11]]), 2, None, (3, 10, 1.0), 3, cv2.KMEANS_PP_CENTERS)[0])
store = cv2.FileStorage("", cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY | cv2.FILE_STORAGE_FORMAT_JSON)
store.write("turn", turn)
stored = cv2.FileStorage(store.releaseAndGetString(), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
print(stored.getNode("turn").mat().round(3).tolist() == turn.round(3).tolist(), cv2.TickMeter().getCounter(), isinstance(cv2.__version__, str), cv2.SimpleBlobDetector_Params().minArea)
for action in (
    lambda: cv2.blur(picture, (0, 0)),
    lambda: cv2.cvtColor(gray, cv2.COLOR_BGR2GRAY),
    lambda: cv2.blur("text", (3, 3)),
    lambda: cv2.blur(picture),
    lambda: cv2.resize(picture, "x"),
    lambda: cv2.add(one, picture[:50]),
    lambda: cv2.imencode(".nope", picture),
    lambda: cv2.circle(picture, (1, 2, 3), 5, 0),
    lambda: cv2.circle(picture.astype("U"), (1, 2), 5, 0),
    lambda: cv2.line(picture[:, ::2], (0, 0), (5, 5), 255),
    lambda: cv2.KeyPoint(size="x"),
    lambda: cv2.contourArea([1, 2]),
):
    try:
        print("no error:", action())
    except cv2.error as error:
        print("cv2.error", error.code, error.func, (error.err or str(error)).splitlines()[0][:60])
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0][:90])
