"""Every page is there for those who may see it, and for nobody else."""


def test_the_log_in_page_is_open_to_all(desk):
    assert desk.client().get("/login/").status_code == 200
